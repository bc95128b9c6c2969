"""Keys of pseudonym domains, from an encrypted file."""
