-- Databases as each revision left them, a statement a line or more: "-- NNNN" begins what that revision added, and
-- "-- sqlite" or "-- postgresql" what one database alone got. {big} is INTEGER on SQLite.
-- 0001
CREATE TABLE agent_schema (version_num VARCHAR(32) NOT NULL, CONSTRAINT agent_schema_pkc PRIMARY KEY (version_num));
INSERT INTO agent_schema VALUES ('0001');
CREATE TABLE agent_chats (
    id VARCHAR NOT NULL, title TEXT NOT NULL, backend VARCHAR, model VARCHAR, effort VARCHAR, permission_mode VARCHAR,
    sandbox VARCHAR, cwd TEXT, workspace TEXT, last_session_id VARCHAR, lineage TEXT NOT NULL,
    created_at {double} NOT NULL, last_active_at {double} NOT NULL, usage TEXT, context TEXT, archived BOOLEAN NOT NULL,
    tags TEXT NOT NULL, last_seq {big} NOT NULL, PRIMARY KEY (id));
CREATE INDEX agent_chats_used ON agent_chats (last_active_at, id);
CREATE INDEX agent_chats_session ON agent_chats (last_session_id);
CREATE TABLE agent_messages (
    id {big} NOT NULL, chat_id VARCHAR NOT NULL, seq {big} NOT NULL, at {double} NOT NULL, uuid VARCHAR,
    type VARCHAR NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id));
CREATE UNIQUE INDEX agent_messages_seq ON agent_messages (chat_id, seq);
CREATE UNIQUE INDEX agent_messages_uuid ON agent_messages (chat_id, uuid);
CREATE TABLE agent_workspaces (
    workspace TEXT NOT NULL, chat_id VARCHAR NOT NULL, last_session_id VARCHAR, PRIMARY KEY (workspace));
-- postgresql
CREATE SEQUENCE agent_message_numbers;
-- data
INSERT INTO agent_chats VALUES ('old', 'Crème', 'claude', 'opus', 'high', 'plan', 'read_only', '/p/src', '/p', 's-2',
    '["s-1"]', 1700000000.5, 1700000001.25, '{{"input_tokens":3,"output_tokens":4}}',
    '{{"used_tokens":5,"max_tokens":9}}', FALSE, '["a"]', 2);
INSERT INTO agent_chats VALUES ('empty', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', 1.0, 1.0, NULL, NULL,
    TRUE, '[]', 0);
INSERT INTO agent_messages VALUES (1782579200000000000, 'old', 1, 1700000001.0, 'u-1', 'user',
    '{{"type":"user","uuid":"u-1","message":{{"role":"user","content":"Where is the Brûlée?\u0000"}}}}');
INSERT INTO agent_messages VALUES (1782579200262144000, 'old', 2, 1700000001.25, NULL, 'assistant',
    '{{"type":"assistant","uuid":null,"message":{{"content":[{{"type":"text","text":"In the kitchen."}}]}}}}');
INSERT INTO agent_workspaces VALUES ('/p', 'old', 's-2');
-- 0002
UPDATE agent_schema SET version_num = '0002';
ALTER TABLE agent_messages ADD COLUMN words TEXT DEFAULT '' NOT NULL;
UPDATE agent_messages SET words = 'where is the brulee' WHERE seq = 1;
UPDATE agent_messages SET words = 'in the kitchen' WHERE seq = 2;
-- sqlite
CREATE VIRTUAL TABLE agent_message_words USING fts5(words, content='agent_messages', content_rowid='id',
    tokenize='unicode61 remove_diacritics 0');
INSERT INTO agent_message_words (rowid, words) SELECT id, words FROM agent_messages ORDER BY id;
-- postgresql
ALTER TABLE agent_messages ADD COLUMN vector tsvector;
CREATE INDEX agent_messages_words ON agent_messages USING gin (vector);
UPDATE agent_messages SET vector = '''where'':1 ''is'':2 ''the'':3 ''brulee'':4' WHERE seq = 1;
UPDATE agent_messages SET vector = '''in'':1 ''the'':2 ''kitchen'':3' WHERE seq = 2;
-- 0003
UPDATE agent_schema SET version_num = '0003';
ALTER TABLE agent_chats ADD COLUMN generation {big} DEFAULT '0' NOT NULL;
ALTER TABLE agent_chats ADD COLUMN bytes {big} DEFAULT '0' NOT NULL;
UPDATE agent_chats SET bytes = 200, generation = 7 WHERE id = 'old';
CREATE TABLE agent_leases (
    chat_id VARCHAR NOT NULL, generation {big} NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL, machine TEXT NOT NULL,
    pid {big} NOT NULL, started TEXT NOT NULL, since {double} NOT NULL, expires_at {double} NOT NULL,
    PRIMARY KEY (chat_id));
CREATE TABLE agent_drafts (
    chat_id VARCHAR NOT NULL, author VARCHAR NOT NULL, text TEXT NOT NULL, PRIMARY KEY (chat_id, author));
CREATE TABLE agent_read_marks (
    chat_id VARCHAR NOT NULL, reader VARCHAR NOT NULL, seq {big} NOT NULL, PRIMARY KEY (chat_id, reader));
CREATE TABLE agent_prompts (
    number {serial} NOT NULL, chat_id VARCHAR NOT NULL, uuid VARCHAR NOT NULL, content TEXT NOT NULL,
    state VARCHAR NOT NULL, at {double} NOT NULL, PRIMARY KEY (number));
CREATE UNIQUE INDEX agent_prompts_uuid ON agent_prompts (chat_id, uuid);
INSERT INTO agent_drafts VALUES ('old', '', 'half');
-- 0004
UPDATE agent_schema SET version_num = '0004';
ALTER TABLE agent_chats ADD COLUMN waiting {big} DEFAULT '0' NOT NULL;
UPDATE agent_chats SET waiting = 2 WHERE id = 'old';
