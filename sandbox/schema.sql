CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS account (
    platform TEXT NOT NULL, id TEXT NOT NULL, settings TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (platform, id));
CREATE TABLE IF NOT EXISTS token (
    value TEXT PRIMARY KEY, platform TEXT NOT NULL, account TEXT NOT NULL, family TEXT NOT NULL,
    issued_at REAL NOT NULL, expires_at REAL NOT NULL, dies_at REAL, death TEXT);
CREATE INDEX IF NOT EXISTS token_account ON token (platform, account, family, issued_at);
CREATE TABLE IF NOT EXISTS grant_code (
    value TEXT PRIMARY KEY, account TEXT NOT NULL, redirect_uri TEXT NOT NULL, expires_at REAL NOT NULL,
    used_at REAL);
CREATE TABLE IF NOT EXISTS used (
    account TEXT NOT NULL, api TEXT NOT NULL, period INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (account, api, period));
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, spec TEXT NOT NULL, fired INTEGER NOT NULL DEFAULT 0, drawn INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, platform TEXT NOT NULL, api TEXT NOT NULL, account TEXT,
    method TEXT NOT NULL, status INTEGER, code TEXT, rid TEXT, faults TEXT, late INTEGER NOT NULL, request TEXT,
    response TEXT, took_ms REAL, host TEXT);
CREATE INDEX IF NOT EXISTS call_account ON call (account, api);
CREATE INDEX IF NOT EXISTS call_rid ON call (rid) WHERE rid IS NOT NULL;
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY, due_at REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, done_at REAL,
    outcome TEXT);
CREATE INDEX IF NOT EXISTS job_due ON job (due_at) WHERE done_at IS NULL;

CREATE TABLE IF NOT EXISTS weibo_status (
    id INTEGER PRIMARY KEY, account TEXT, uid INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
    sent_text TEXT NOT NULL, links TEXT NOT NULL, created_at REAL NOT NULL, accepted_at REAL NOT NULL,
    visible_at REAL NOT NULL, deleted_at REAL, deleted_by TEXT, root INTEGER, pid INTEGER,
    likes INTEGER NOT NULL DEFAULT 0, pic TEXT, origin TEXT NOT NULL, ref TEXT);
CREATE INDEX IF NOT EXISTS weibo_status_account ON weibo_status (account, id) WHERE account IS NOT NULL;
CREATE INDEX IF NOT EXISTS weibo_status_root ON weibo_status (root, id) WHERE root IS NOT NULL;
CREATE TABLE IF NOT EXISTS weibo_comment (
    id INTEGER PRIMARY KEY, account TEXT, status INTEGER NOT NULL, uid INTEGER NOT NULL, name TEXT NOT NULL,
    text TEXT NOT NULL, created_at REAL NOT NULL, visible_at REAL NOT NULL, deleted_at REAL, parent INTEGER,
    root INTEGER NOT NULL, floor INTEGER NOT NULL, origin TEXT NOT NULL, ref TEXT);
CREATE INDEX IF NOT EXISTS weibo_comment_status ON weibo_comment (status, id);
CREATE INDEX IF NOT EXISTS weibo_comment_account ON weibo_comment (account, id);

CREATE TABLE IF NOT EXISTS wechat_media (
    media_id TEXT PRIMARY KEY, account TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, url TEXT,
    mime TEXT NOT NULL, content BLOB NOT NULL, description TEXT, created_at REAL NOT NULL, deleted_at REAL);
CREATE INDEX IF NOT EXISTS wechat_media_url ON wechat_media (url);
CREATE TABLE IF NOT EXISTS wechat_draft (
    media_id TEXT PRIMARY KEY, account TEXT NOT NULL, articles TEXT NOT NULL, created_at REAL NOT NULL,
    updated_at REAL NOT NULL, visible_at REAL NOT NULL, left_at REAL, left_why TEXT);
CREATE INDEX IF NOT EXISTS wechat_draft_account ON wechat_draft (account, left_at);
CREATE TABLE IF NOT EXISTS wechat_publish (
    publish_id INTEGER PRIMARY KEY, account TEXT NOT NULL, media_id TEXT NOT NULL, msg_data_id INTEGER NOT NULL,
    articles TEXT NOT NULL, base TEXT NOT NULL, submitted_at REAL NOT NULL, status INTEGER NOT NULL,
    verdict INTEGER NOT NULL, fail_idx TEXT NOT NULL, article_id TEXT, done_at REAL, lag_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS wechat_publish_media ON wechat_publish (media_id);
CREATE TABLE IF NOT EXISTS wechat_article (
    article_id TEXT PRIMARY KEY, account TEXT NOT NULL, publish_id INTEGER NOT NULL, msg_data_id INTEGER NOT NULL,
    articles TEXT NOT NULL, base TEXT NOT NULL, accepted_at REAL NOT NULL, published_at REAL NOT NULL,
    visible_at REAL NOT NULL, updated_at REAL NOT NULL, deleted_at REAL, deleted_by TEXT,
    likes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS wechat_article_account ON wechat_article (account, published_at);
CREATE INDEX IF NOT EXISTS wechat_article_data ON wechat_article (msg_data_id);
CREATE TABLE IF NOT EXISTS wechat_comment (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, msg_data_id INTEGER NOT NULL, position INTEGER NOT NULL,
    user_comment_id INTEGER NOT NULL, openid TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
    created_at REAL NOT NULL, elected INTEGER NOT NULL DEFAULT 0, reply TEXT, reply_at REAL, deleted_at REAL,
    deleted_by TEXT, ref TEXT, UNIQUE (msg_data_id, position, user_comment_id));
CREATE TABLE IF NOT EXISTS jpush_push (
    msg_id TEXT PRIMARY KEY, account TEXT NOT NULL, sendno TEXT NOT NULL, cid TEXT, body TEXT NOT NULL,
    accepted_at REAL NOT NULL, withdrawn_at REAL, overrides TEXT, overridden_at REAL, android INTEGER NOT NULL,
    ios INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS jpush_push_account ON jpush_push (account, accepted_at);
CREATE TABLE IF NOT EXISTS jpush_cid (
    cid TEXT NOT NULL, account TEXT NOT NULL, sendno TEXT NOT NULL, msg_id TEXT NOT NULL, done_at REAL NOT NULL,
    PRIMARY KEY (account, cid));
CREATE INDEX IF NOT EXISTS weibo_status_pid ON weibo_status (pid) WHERE pid IS NOT NULL;
CREATE TABLE IF NOT EXISTS weibo_picture (id TEXT PRIMARY KEY, mime TEXT NOT NULL, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS weibo_status_ref ON weibo_status (root, ref) WHERE ref IS NOT NULL;
CREATE INDEX IF NOT EXISTS weibo_comment_ref ON weibo_comment (status, ref) WHERE ref IS NOT NULL;
CREATE INDEX IF NOT EXISTS weibo_status_text ON weibo_status (account, text) WHERE account IS NOT NULL;
