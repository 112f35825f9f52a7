"""Chinese names of the scheduled jobs, the spiders, and of actors that are no person."""

from __future__ import annotations

JOBS: dict[str, str] = {
    "deliver": "分发",
    "look": "查证与接手",
    "callbacks": "处理平台通知",
    "crawl": "采集",
    "score": "情感打分",
    "index": "更新检索",
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
    "weibo_counts": "微博互动数",
    "wechat_comments": "微信留言",
    "portal_comments": "网站评论",
    "portal_counts": "网站互动数",
    "client_comments": "客户端评论",
    "client_counts": "客户端互动数",
}
ACTORS: dict[str, str] = {
    **JOBS,
    "command": "命令行",
    "demo": "演示",
    "init": "初始化",
    "account-test": "账号测试",
    "web": "系统",
    "portal": "网站",
    "casework": "留言受理",
}
