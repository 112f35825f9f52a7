"""Local Weibo, WeChat and JPush that answer, count, delay and fail like the real ones; imports no other room."""
