"""The closed lists of the city. Data contracts declare their keys from these, never from the data."""

SEXES = ("F", "M")
COLOURS = ("green", "yellow", "red")
TIERS = ("A", "B", "C", "none")
FIRM_STATUSES = ("open", "partial", "closed")

SECTORS = (
    "retail", "manufacturing", "information", "construction", "catering", "logistics",
    "finance", "real-estate", "healthcare", "education", "culture-tourism", "agriculture",
)  # fmt: skip
"""Twelve sectors, by falling number of firms."""

PLACES = (
    "hubin-mall", "wulin-square", "east-station", "west-lake-pier", "gongshu-market", "xixi-wetland",
    "binjiang-mall", "wulin-night-market", "qingbo-food-market", "chaohui-food-market", "hushu-temple-fair",
    "lingyin-temple", "xixing-tech-park", "ziyang-old-street", "tianshui-library", "provincial-theatre",
    "gongchen-bridge-museum", "xiangfu-logistics-park", "beishan-concert-hall", "changhe-stadium",
    "puyan-campus", "hubin-cinema", "wulin-gym", "hushu-clinic", "xixi-hospital", "binjiang-hotel",
    "qingbo-hotel", "tianshui-karaoke", "chaohui-school", "lingyin-tea-house", "xiangfu-wholesale-market",
    "changhe-night-market",
)  # fmt: skip
"""Places that cases visit and the police see people at, by falling number of visitors."""

PLACE_KINDS = {
    "hubin-mall": "shopping", "wulin-square": "outdoors", "east-station": "transport",
    "west-lake-pier": "transport", "gongshu-market": "market", "xixi-wetland": "outdoors",
    "binjiang-mall": "shopping", "wulin-night-market": "market", "qingbo-food-market": "market",
    "chaohui-food-market": "market", "hushu-temple-fair": "culture", "lingyin-temple": "culture",
    "xixing-tech-park": "work", "ziyang-old-street": "outdoors", "tianshui-library": "culture",
    "provincial-theatre": "culture", "gongchen-bridge-museum": "culture", "xiangfu-logistics-park": "work",
    "beishan-concert-hall": "culture", "changhe-stadium": "sport", "puyan-campus": "education",
    "hubin-cinema": "culture", "wulin-gym": "sport", "hushu-clinic": "medical", "xixi-hospital": "medical",
    "binjiang-hotel": "lodging", "qingbo-hotel": "lodging", "tianshui-karaoke": "culture",
    "chaohui-school": "education", "lingyin-tea-house": "catering", "xiangfu-wholesale-market": "market",
    "changhe-night-market": "market",
}  # fmt: skip
"""The coarser kind of each place, for those who may not see the place itself."""

PLACE_DISTRICTS = {
    "xiacheng": ("wulin-square", "wulin-night-market", "chaohui-food-market", "tianshui-library",
                 "provincial-theatre", "wulin-gym", "tianshui-karaoke", "chaohui-school"),
    "shangcheng": ("hubin-mall", "east-station", "qingbo-food-market", "ziyang-old-street", "hubin-cinema",
                   "qingbo-hotel"),
    "gongshu": ("gongshu-market", "hushu-temple-fair", "gongchen-bridge-museum", "xiangfu-logistics-park",
                "hushu-clinic", "xiangfu-wholesale-market"),
    "xihu": ("west-lake-pier", "xixi-wetland", "lingyin-temple", "beishan-concert-hall", "xixi-hospital",
             "lingyin-tea-house"),
    "binjiang": ("binjiang-mall", "xixing-tech-park", "changhe-stadium", "puyan-campus", "binjiang-hotel",
                 "changhe-night-market"),
}  # fmt: skip
"""The district each place lies in, by the district's id."""

HOSPITALS = (
    "zhejiang-first", "zhejiang-second", "run-run-shaw", "hangzhou-first", "xixi", "hangzhou-children",
    "binjiang-general", "gongshu-tcm",
)  # fmt: skip

DIAGNOSES = (
    "新型冠状病毒感染（轻型）", "新型冠状病毒感染（中型）", "新型冠状病毒无症状感染", "流行性感冒（甲型）",
    "流行性感冒（乙型）", "诺如病毒肠炎", "水痘", "手足口病", "肺结核", "新型冠状病毒感染（重型）",
)  # fmt: skip
"""What ordinary cases are diagnosed with, by falling frequency. A canary's diagnosis is not among them."""

LINES = (
    "metro-1", "metro-2", "metro-5", "metro-4", "metro-6", "metro-19", "metro-3", "metro-10", "bus-brt-1",
    "bus-k7", "bus-51", "bus-28", "bus-b1", "bus-k155", "bus-290", "bus-900", "bus-w1307", "waterbus-1",
)  # fmt: skip
"""Public transport lines by falling ridership."""

GARAGES = (
    "p-wulin-square", "p-hubin", "p-east-station", "p-xixi-wetland", "p-binjiang-mall", "p-west-lake",
    "p-gongshu-market", "p-provincial-theatre", "p-first-hospital", "p-lingyin", "p-tech-park", "p-changhe",
    "p-xiangfu", "p-ziyang", "p-tianshui", "p-chaohui", "p-hushu", "p-beishan", "p-puyan", "p-qingbo",
)  # fmt: skip
"""Garages by falling number of stays."""

LAND_USES = ("residential", "commercial", "industrial", "public-service", "logistics")
"""What parcels may be used for, by falling number."""

SKILLS = (
    "retail-service", "software", "machining", "logistics", "catering", "construction", "accounting",
    "data-analysis", "nursing", "design",
)  # fmt: skip
"""What applicants offer, by falling number."""

PROVINCES = {
    "浙": "zhejiang", "沪": "shanghai", "苏": "jiangsu", "皖": "anhui", "赣": "jiangxi", "豫": "henan",
    "闽": "fujian", "鄂": "hubei", "鲁": "shandong",
}  # fmt: skip
"""The provinces of the offices that issue plates here, by the plate's first character."""

CONDITIONS = (
    "胸痛，血压下降", "跌倒，疑似骨折", "呼吸困难", "意识不清", "交通伤，多处出血", "腹痛待查", "临产", "过敏反应",
)  # fmt: skip
"""What ambulances are called for, by falling frequency. A canary's is not among them."""

TREATED = (
    "高血压", "急性上呼吸道感染", "2型糖尿病", "慢性胃炎", "腰椎间盘突出", "冠心病", "正常分娩", "湿疹", "白内障",
    "抑郁状态",
)  # fmt: skip
"""What hospital bills are for, by falling frequency. A canary's is not among them."""

INSURANCE_CLASSES = ("employee", "resident", "child", "self-paid")

TASKS = (
    "送餐上门", "陪同就医", "代购药品", "上门探望", "智能手机帮教", "家电安全检查", "垃圾分类指导",
)  # fmt: skip
"""What volunteers do, by falling frequency."""
