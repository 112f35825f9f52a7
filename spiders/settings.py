"""Settings of the Scrapy project: polite, honest, and with only our own middlewares on the way out."""

from __future__ import annotations

from typing import Any


def build_settings(call_s: float, site_url: str) -> dict[str, Any]:
    """Scrapy settings; `call_s` is the deadline of one request, `site_url` stands in the User-Agent."""
    return {
        "BOT_NAME": "wenzheng",
        "USER_AGENT": f"wenzheng/0.1 (+{site_url})",
        "ROBOTSTXT_OBEY": True,  # API requests say in their meta that they are none of robots.txt's business
        "DOWNLOAD_TIMEOUT": call_s,
        "DOWNLOAD_DELAY": 0.05,
        "DOWNLOAD_MAXSIZE": 16 * 1024 * 1024,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,  # Scrapy's own default would take any certificate
        "CONCURRENT_REQUESTS": 4,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": 0.1,
        "AUTOTHROTTLE_MAX_DELAY": 10.0,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 2.0,
        "RETRY_ENABLED": False,  # middlewares.Verdict retries, by the platform's own code
        "REDIRECT_ENABLED": False,  # a redirect could lead past the address guard
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "HTTPPROXY_ENABLED": False,  # proxy variables of the machine are not ours
        "REFERER_ENABLED": False,
        "HTTPERROR_ALLOW_ALL": True,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,  # on by default since 2.19: it would listen on a port
        "MEMUSAGE_ENABLED": False,
        "LOG_LEVEL": "ERROR",
        "LOG_VERSIONS": [],
        "LOGSTATS_INTERVAL": 0,
        "STATS_DUMP": False,
        "ITEM_PIPELINES": {"spiders.pipelines.InboxPipeline": 100},
        "DOWNLOADER_MIDDLEWARES": {
            "spiders.middlewares.AddressGuard": 40,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "spiders.middlewares.Verdict": 110,
            "spiders.middlewares.Credentials": 810,
            "spiders.middlewares.RequestBudget": 820,
        },
    }
