"""The region file that ships, and what is wrong with others."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seeds.generator import SCHEMAS, City
from seeds.generator.regions import read_regions


def test_the_tree_has_five_districts_of_three_streets_of_three_communities(regions: Path) -> None:
    tree = read_regions(regions)
    assert [path.split("/")[1] for path in tree.districts] == [
        "xiacheng", "shangcheng", "gongshu", "xihu", "binjiang",
    ]  # fmt: skip
    assert len(tree.communities) == len(set(tree.communities)) == 45
    assert len({path.rsplit("/", 1)[0] for path in tree.communities}) == 15
    assert "hangzhou/xiacheng/wulin/c01" in tree.communities
    assert tree.chinese[0] == "杭州市下城区武林街道武林第一社区"
    for community, district in zip(tree.communities, tree.district_of, strict=True):
        assert community.startswith(tree.districts[district] + "/")


def test_every_table_names_communities_of_the_tree(city: City, regions: Path) -> None:
    known = set(read_regions(regions).communities)
    for table in set(SCHEMAS) - {"road_passes"}:  # vehicles from elsewhere lie in no community
        assert set(pq.read_table(city.tables[table]).column("community").to_pylist()) <= known
    homes = set(pq.read_table(city.tables["residents"]).column("community").to_pylist())
    assert homes == known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "regions: 3",
        "regions: []",
        "regions: [{id: n}]",
        "regions: [word]",
        "regions: [{id: n, level: city, name: {zh: 宁}}]",
        "regions: [{id: n, level: district, name: {zh: 宁}, children: []}]",
        "regions: [{id: n/m, level: city, name: {zh: 宁}, children: []}]",
        "regions: [{id: n, level: city, name: {zh: 宁}, children: [{id: d, level: street, name: {zh: 东}}]}]",
    ],
)
def test_a_file_that_is_no_tree_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="region"):
        read_regions(path)


def test_a_community_named_twice_is_refused(tmp_path: Path, regions: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text(regions.read_text(encoding="utf-8").replace("id: c02", "id: c01"), encoding="utf-8")
    with pytest.raises(ValueError, match="once"):
        read_regions(path)
