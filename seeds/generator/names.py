"""Made-up personal names with the skew of real ones: few surnames cover most people."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seeds.generator.columns import Ints, join, pick
from seeds.generator.skew import draw, zipf_weights

SURNAMES = (
    *"王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜"
    "范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚",
    "欧阳",
    "司徒",
    "诸葛",
    "上官",
)
"""Surnames by falling frequency."""

_FEMALE = tuple("英秀玉华珍兰芳丽淑桂凤素梅美玲红春云琴惠霞金萍荣清燕莲敏静婷雪艳琳娜欣怡佳雨诗涵梓萱若彤瑶颖洁倩")
_MALE = tuple("明国文华建德志永林军平福荣海金生忠伟祥成庆东强勇涛斌峰杰磊鹏浩宇轩子豪博晨俊泽睿嘉航天佑昊然辰毅")
_GIVEN = _FEMALE + _MALE
_SURNAME_WEIGHTS = zipf_weights(len(SURNAMES), 0.85)
_ONE_CHARACTER = 0.14


def names(rng: np.random.Generator, male: npt.NDArray[np.bool_]) -> pa.StringArray:
    """A surname and one or two given characters for each person."""
    count = len(male)
    surname = pick(SURNAMES, draw(rng, _SURNAME_WEIGHTS, count))
    first = pick(_GIVEN, _given(rng, male))
    second = np.where(rng.random(count) < _ONE_CHARACTER, len(_GIVEN), _given(rng, male))
    return join(surname, first, pick((*_GIVEN, ""), second))


def _given(rng: np.random.Generator, male: npt.NDArray[np.bool_]) -> Ints:
    girls = draw(rng, zipf_weights(len(_FEMALE), 0.6), len(male))
    boys = draw(rng, zipf_weights(len(_MALE), 0.6), len(male))
    return np.where(male, len(_FEMALE) + boys, girls)
