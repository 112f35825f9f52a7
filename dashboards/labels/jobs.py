"""Chinese names of the scheduled jobs and of the spiders."""

from __future__ import annotations

JOBS: dict[str, str] = {
    "deliver": "分发",
    "look": "查证与接手",
    "callbacks": "处理平台通知",
    "crawl": "采集",
    "score": "情感打分",
    "detect": "议题发现",
    "alerts": "生成预警",
    "send_alerts": "发送预警",
    "brief": "生成简报",
    "replies": "转交回复",
    "purge": "清理过期记录",
}
SPIDERS: dict[str, str] = {
    "weibo_comments": "微博评论",
    "weibo_reposts": "微博转发",
    "wechat_comments": "微信留言",
    "portal_comments": "网站评论",
    "client_comments": "客户端评论",
    "counts": "互动数",
}
