"""Writing (写稿): drafts, immutable revisions, pictures, submission to review, replies to mentions."""

from publisher.authoring.contents import contents_of, revision_digest
from publisher.authoring.drafts import Draft, add_media, create_article, recall, save_revision
from publisher.authoring.replies import draft_reply
from publisher.authoring.submission import Preview, preview, submit

__all__ = [
    "Draft", "Preview", "add_media", "contents_of", "create_article", "draft_reply", "preview", "recall",
    "revision_digest", "save_revision", "submit",
]  # fmt: skip
