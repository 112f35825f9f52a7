"""The Scrapy project: one spider a source, pipelines into core.inbox."""
