"""Topics a press office hears of every week, each by the words people use for it. Data and one look-up; pure."""

from __future__ import annotations

import re

TOPICS: dict[str, str] = {
    "noise": "噪音 噪声 扰民 吵得 太吵 广场舞 夜间施工 施工噪",
    "dust": "扬尘 灰尘 粉尘 雾霾 空气污染 大气污染 异味 臭味 恶臭 刺鼻",
    "water": "停水 自来水 水质 水压 供水 水费 污水 排污 水污染 黑臭",
    "power": "停电 供电 电力 电费 电价 变压器 跳闸",
    "heating": "供暖 暖气 燃气 天然气 供热",
    "roads": "修路 道路 路面 坑洼 路灯 断头路 红绿灯 护栏 斑马线",
    "traffic": "堵车 拥堵 交通事故 违停 停车难 停车位 车祸 超速",
    "transit": "公交 地铁 班车 候车 线路 站台 轻轨",
    "property": "物业 业委会 业主 物业费 维修基金 电梯 小区管理",
    "housing": "房产证 不动产 开发商 交房 烂尾 延期交 购房 楼盘 精装修 质量问题",
    "demolition": "拆迁 征收 安置 补偿款 回迁 棚改 征地",
    "building": "违建 违章建筑 违法建筑 违规建 私搭乱建 占道",
    "planning": "规划建设 规划 配套 容积率 绿化率",
    "safety": "安全隐患 隐患 消防 坍塌 倒塌 危房 高空坠物 爆炸 火灾",
    "school": "学校 学位 入学 老师 补课 幼儿园 学费 学区 校园",
    "health": "医院 医保 医生 看病 疫苗 药品 医疗",
    "food": "食品 餐馆 食堂 中毒 变质 卫生许可",
    "wages": "拖欠工资 工资 农民工 欠薪 社保 公积金 养老保险 劳动合同",
    "subsidy": "补贴 补助 低保 救助 扶贫 优待",
    "fees": "乱收费 收费 罚款 退款 押金 涨价",
    "fraud": "诈骗 骗子 传销 非法集资 理财 跑路 上当",
    "market": "夜宵 摆摊 油烟 占道经营 市场",
    "waste": "垃圾 环卫 清运 堆放 卫生死角",
    "police": "派出所 报警 警察 民警 治安 打架 偷窃",
    "missing": "走失 失踪 拐走 人贩子 寻人",
    "officials": "不作为 腐败 贪污 受贿 官僚 形式主义 村干部",
}
_WORDS = {word: topic for topic, words in TOPICS.items() for word in words.split()}
_ANY = re.compile("|".join(sorted(map(re.escape, _WORDS), key=lambda word: (-len(word), word))))
MOST = 3


def topics_of(text: str) -> list[str]:
    """The topics a text names first, at most three."""
    return list(dict.fromkeys(_WORDS[word] for word in _ANY.findall(text)))[:MOST]
