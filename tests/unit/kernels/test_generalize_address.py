"""Addresses: the regions they name, and nothing of roads, estates, numbers, firms or people."""

import pyarrow as pa
import pytest

from gateway.kernels.generalize import generalize_address
from gateway.kernels.generalize.divisions import CITIES, COUNTIES, DIRECT, PROVINCES
from gateway.model.treatment import Precision

LEVELS = (Precision.CITY, Precision.DISTRICT, Precision.STREET)


def _regions(address: str | None) -> tuple[str | None, ...]:
    column = pa.array([address], pa.string())
    return tuple(generalize_address(column, level)[0].as_py() for level in LEVELS)


@pytest.mark.parametrize(
    ("address", "city", "district", "street"),
    [
        # as the written order goes: province, city, district, street
        ("浙江省杭州市西湖区文三路138号", "浙江省杭州市", "浙江省杭州市西湖区", None),
        (
            "杭州市拱墅区武林街道武林第一社区解放路12号3幢2单元501室",
            "杭州市",
            "杭州市拱墅区",
            "杭州市拱墅区武林街道",
        ),
        ("浙江杭州市西湖区转塘街道", "浙江杭州市", "浙江杭州市西湖区", "浙江杭州市西湖区转塘街道"),
        ("中国浙江省杭州市桐庐县富春江镇", "浙江省杭州市", "浙江省杭州市桐庐县", "浙江省杭州市桐庐县富春江镇"),
        (" 浙江省 杭州市　西湖区\t文三路", "浙江省杭州市", "浙江省杭州市西湖区", None),
        ("杭州市下城区长庆街道办事处", "杭州市", "杭州市下城区", "杭州市下城区长庆街道"),  # of old, and its office
        ("杭州市桐庐县莪山畲族乡", "杭州市", "杭州市桐庐县", "杭州市桐庐县莪山畲族乡"),
        # municipalities, special regions
        ("北京市朝阳区建国路88号", "北京市", "北京市朝阳区", None),
        ("北京朝阳区建国路88号", "北京", "北京朝阳区", None),
        (
            "上海市市辖区浦东新区陆家嘴街道1号",
            "上海市",
            "上海市市辖区浦东新区",
            "上海市市辖区浦东新区陆家嘴街道",
        ),
        ("重庆市重庆市渝中区", "重庆市重庆市", "重庆市重庆市渝中区", None),
        ("香港特别行政区九龙弥敦道", "香港特别行政区", None, None),
        # autonomous regions, prefectures, counties, banners
        (
            "内蒙古自治区呼和浩特市土默特左旗察素齐镇",
            "内蒙古自治区呼和浩特市",
            "内蒙古自治区呼和浩特市土默特左旗",
            "内蒙古自治区呼和浩特市土默特左旗察素齐镇",
        ),
        (
            "新疆伊犁哈萨克自治州察布查尔锡伯自治县",
            "新疆伊犁哈萨克自治州",
            "新疆伊犁哈萨克自治州察布查尔锡伯自治县",
            None,
        ),
        (
            "青海省海南藏族自治州共和县恰卜恰镇",
            "青海省海南藏族自治州",
            "青海省海南藏族自治州共和县",
            "青海省海南藏族自治州共和县恰卜恰镇",
        ),
        ("新疆阿克苏地区库车市", "新疆阿克苏地区", "新疆阿克苏地区库车市", None),
        (
            "内蒙古锡林郭勒盟阿巴嘎旗巴彦图嘎苏木",
            "内蒙古锡林郭勒盟",
            "内蒙古锡林郭勒盟阿巴嘎旗",
            "内蒙古锡林郭勒盟阿巴嘎旗巴彦图嘎苏木",
        ),
        # right under a province; without districts; a city of county level with its city left out
        ("湖北省仙桃市沔阳大道3号", "湖北省仙桃市", "湖北省仙桃市", None),
        ("海南省陵水黎族自治县英州镇", "海南省陵水黎族自治县", "海南省陵水黎族自治县", "海南省陵水黎族自治县英州镇"),
        ("广东省东莞市南城街道鸿福路", "广东省东莞市", "广东省东莞市", "广东省东莞市南城街道"),
        ("浙江省义乌市佛堂镇", None, "浙江省义乌市", "浙江省义乌市佛堂镇"),
        ("西湖区文三路138号", None, "西湖区", None),
        # names that hold other levels' endings
        ("常德市津市市毛里湖镇", "常德市", "常德市津市市", "常德市津市市毛里湖镇"),
        ("荆州市沙市区中山路街道", "荆州市", "荆州市沙市区", "荆州市沙市区中山路街道"),
        ("青岛市市北区", "青岛市", "青岛市市北区", None),
        ("河南省新乡市红旗区", "河南省新乡市", "河南省新乡市红旗区", None),
        ("吉林省吉林市昌邑区", "吉林省吉林市", "吉林省吉林市昌邑区", None),
        ("吉林市昌邑区", "吉林市", "吉林市昌邑区", None),
        ("深圳市宝安区西乡街道", "深圳市", "深圳市宝安区", "深圳市宝安区西乡街道"),
        ("邯郸市肥乡区肥乡镇", "邯郸市", "邯郸市肥乡区", "邯郸市肥乡区肥乡镇"),
        ("中山市古镇镇", "中山市", "中山市", "中山市古镇镇"),
    ],
)
def test_addresses_leave_as_their_regions(
    address: str, city: str | None, district: str | None, street: str | None
) -> None:
    assert _regions(address) == (city, district, street)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "张三",
        "张三超市",
        "李家县",
        "东区3号楼",  # the name of districts, and of half of the estates there are
        "阳光小区12幢",
        "上海路12号",
        "北京西路8号",
        "河南路21号",
        "杭州西湖区",  # no city of that name
        "Hangzhou, Xihu District",
        "12号浙江省杭州市西湖区",
        "收件人张三浙江省杭州市",
        "hz/xc/wl",
    ],
)
def test_what_names_no_region_leaves_as_null(address: str) -> None:
    assert _regions(address) == (None, None, None)
    assert _regions(None) == (None, None, None)


@pytest.mark.parametrize(
    "rest",
    [
        "翠苑三区12幢",
        "阳光小区3幢",
        "武林社区",
        "高新区江南大道",
        "经济技术开发区",
        "苏州街8号",
        "小张超市",
        "工业园区",
    ],
)
def test_estates_zones_and_shops_are_no_districts(rest: str) -> None:
    assert _regions("杭州市" + rest) == ("杭州市", None, None)


@pytest.mark.parametrize(
    "rest",
    [
        "文三路小镇3号",
        "幸福里1号",
        "王老乡亲面馆",
        "解放路街道口",
        "6号街道",
        "张三",
        "小镇",
        "三号街道",
        "体育场路镇海楼",
    ],
)
def test_roads_numbers_and_people_are_no_streets_or_towns(rest: str) -> None:
    assert _regions("杭州市西湖区" + rest) == ("杭州市", "杭州市西湖区", None)


def test_nothing_but_the_names_of_regions_ever_leaves() -> None:
    road = "文三路138号翠苑新村5幢1单元402室张三收13800138000"
    for region in ("浙江省杭州市西湖区", "杭州市西湖区北山街道", "北京市海淀区", "江苏省昆山市玉山镇"):
        for part in _regions(region + road):
            assert part is None or region.startswith(part)


def test_every_district_of_the_list_is_recognised_behind_a_city() -> None:
    names = sorted(COUNTIES)
    column = pa.array([f"湖北省武汉市{name}解放路1号" for name in names])
    assert generalize_address(column, Precision.DISTRICT).to_pylist() == [f"湖北省武汉市{name}" for name in names]
    cities = sorted(CITIES)
    column = pa.array([f"{city}解放路1号" for city in cities])
    assert generalize_address(column, Precision.CITY).to_pylist() == cities


def test_the_lists_hold_names_of_their_level_alone() -> None:
    assert (len(PROVINCES), len(CITIES) > 330, len(COUNTIES) > 2_800) == (28, True, True)
    assert all(name.endswith(("市", "自治州", "地区", "盟")) for name in CITIES)
    assert all(name.endswith(("区", "县", "市", "旗")) for name in COUNTIES)
    assert not any(name.endswith(("开发区", "管理区", "产业园区", "小区", "社区")) for name in COUNTIES)
    assert DIRECT <= COUNTIES
    assert all(name.endswith("市") for name in CITIES & COUNTIES)  # those that rose from one level to the other


def test_nulls_slices_and_neighbours_play_no_part() -> None:
    column = pa.array(["杭州市西湖区1号", None, "北京市东城区", "nowhere", "杭州市西湖区2号"] * 3_000)
    whole = generalize_address(column, Precision.DISTRICT)
    assert whole.to_pylist()[:5] == ["杭州市西湖区", None, "北京市东城区", None, "杭州市西湖区"]
    assert generalize_address(column.slice(3, 9_000), Precision.DISTRICT).equals(whole.slice(3, 9_000))
    assert len(generalize_address(column[:0], Precision.CITY)) == 0


def test_other_precisions_and_types_are_refused() -> None:
    with pytest.raises(ValueError, match="street, district or city"):
        generalize_address(pa.array(["杭州市"]), Precision.DAY)
    with pytest.raises(TypeError, match="utf8"):
        generalize_address(pa.array([1]), Precision.CITY)
