"""From typed plans to SQL, as sqlglot trees: nobody writes SQL, and no value is ever part of its text."""
