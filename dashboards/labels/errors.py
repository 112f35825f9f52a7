"""What happened, what it means and what to do, for every error kind of core.errors and every HTTP status shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorText:
    """Three sentences of an error page: what happened, what it means, what to do."""

    happened: str
    means: str
    remedy: str


ERRORS: dict[str, ErrorText] = {
    "app_error": ErrorText(
        "操作没有完成", "系统按规则停在了这一步，没有做任何改动。", "请稍后再试；仍不行请联系管理员。"
    ),
    "rule_error": ErrorText("这一步不合规则", "没有做任何改动。", "请按下面的说明处理后再试。"),
    "transition_not_allowed": ErrorText(
        "当前状态下不能这样做", "事情已经进到别的状态，没有做任何改动。", "请刷新页面看最新状态，再决定下一步。"
    ),
    "not_permitted": ErrorText(
        "您不能做这件事",
        "这一步只由规定的角色或人来做，没有做任何改动。",
        "请交给有权限的同事，或请管理员调整角色。",
    ),
    "check_failed": ErrorText("有内容需要修改", "检查没有通过，没有保存也没有发出。", "请按提示逐项修改后再提交。"),
    "stale_revision": ErrorText(
        "别人已经先改过了", "您打开之后内容有了新版本，您的改动还没有保存。", "请先看新版本，再把您的改动合进去。"
    ),
    "not_configured": ErrorText("账号还不能用", "缺少必要的设置或凭证。", "请管理员在“账号”页补全设置并测试。"),
    "address_refused": ErrorText("地址不允许访问", "这个地址是内网地址或不在名单里，没有发出请求。", "请核对地址。"),
    "lost_claim": ErrorText("另一进程已经接手", "这一行由另一个进程在处理，本次没有写入。", "请刷新页面看最新状态。"),
    "channel_error": ErrorText("平台返回了错误", "这次调用没有成功。", "请看平台的回答，按说明处理。"),
    "transient": ErrorText("平台暂时不可用", "确定没有发出，系统会自动再试。", "不用处理；长时间不恢复请看告警。"),
    "throttled": ErrorText("平台要求放慢", "确定没有发出，系统会按平台要求等待。", "不用处理。"),
    "credential_expired": ErrorText("账号凭证失效", "平台不认当前凭证，没有发出。", "请管理员更新凭证并测试。"),
    "refused": ErrorText("平台没有接受", "平台不收这份内容，没有发出。", "请按平台的说明修改，重新送审。"),
    "account_disabled": ErrorText("账号被平台停用", "这个账号已暂停分发。", "请与平台联系恢复账号。"),
    "outcome_unknown": ErrorText(
        "结果不明", "请求已经发出，但没有可信的回答；系统不会重发，正在查证。", "请等待查证，或到待查证页人工判断。"
    ),
    "http_400": ErrorText("请求不完整", "提交的内容缺项或页面已过期，没有做任何改动。", "请返回上一页刷新后再提交。"),
    "http_403": ErrorText("您没有权限看这个页面", "您的角色不包括这项工作。", "需要时请管理员调整角色。"),
    "http_404": ErrorText("没有这个页面", "地址有误，或内容已经不在。", "请从左侧导航进入，或用上方搜索查找。"),
    "http_405": ErrorText("不能这样打开", "这个地址只接受页面里的按钮提交。", "请返回上一页操作。"),
    "http_413": ErrorText("文件太大", "图片超过大小限制，没有上传。", "请压缩到 10 MB 以内再上传。"),
    "http_429": ErrorText("操作太频繁", "为保护系统，这次请求没有处理。", "请稍等一分钟再试。"),
    "http_500": ErrorText("系统出错了", "这次操作没有完成，出错情况已记录。", "请稍后再试；仍不行请把编号告诉管理员。"),
}
