"""`python -m seeds.generator --people N --out DIR [--seed S] [--regions FILE]`: make a city."""

import argparse
import sys
from pathlib import Path

from seeds.generator.city import generate

_REGIONS = Path(__file__).resolve().parents[2] / "policies" / "regions.yaml"


def main(arguments: list[str] | None = None) -> int:
    """Make the city and print what was written; 2 when it cannot be made as asked."""
    parser = argparse.ArgumentParser(prog="python -m seeds.generator", description="Make a synthetic city.")
    parser.add_argument("--people", type=int, required=True, help="how many residents it has")
    parser.add_argument("--out", type=Path, required=True, help="the directory for its Parquet files")
    parser.add_argument("--seed", type=int, default=7, help="another seed makes another city (default 7)")
    parser.add_argument("--regions", type=Path, default=_REGIONS, help="the region tree it is built on")
    chosen = parser.parse_args(arguments)
    try:
        city = generate(chosen.out, people=chosen.people, seed=chosen.seed, regions=chosen.regions)
    except (ValueError, OSError) as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    for name, path in city.tables.items():
        print(f"{name:<18}{city.rows[name]:>12,} rows  {path.stat().st_size / 1e6:>9.1f} MB  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
