"""Chinese names of the actions in the audit log."""

from __future__ import annotations

ACTIONS: dict[str, str] = {
    "person.created": "新建用户",
    "person.password_changed": "修改密码",
    "person.password_reset": "重置密码",
    "person.roles_set": "调整角色",
    "person.enabled": "启用用户",
    "person.disabled": "停用用户",
    "person.signed_in": "登录",
    "person.sign_in_failed": "登录失败",
    "person.locked": "登录锁定",
    "person.signed_out": "退出",
}
