/* SPDX-License-Identifier: MIT
 *
 * The connection: opening, schema, statements, transactions. Everything that
 * calls SQLite for itself is here; what is written and read stands in
 * store_write.c, store_load.c and store_meta.c.
 */
#include "config.h"

#include "store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x73706174 /* "spat" */
#define BUSY_MS 5000

struct store {
  bool killed; /* the run before did not end in order */
  sqlite3 *db;
  sqlite3_stmt *stmts[SQL_COUNT];
  char fault[256];
};

static const char *const sql_text[] = {
#define STORE_SQL_TEXT(name, text) text,
    STORE_SQL(STORE_SQL_TEXT)
#undef STORE_SQL_TEXT
};

/* They came later: made where they are missing. */
#define STORE_LATER                                                \
  "CREATE TABLE IF NOT EXISTS priorities(source INTEGER NOT NULL," \
  " task INTEGER NOT NULL,priority INTEGER NOT NULL,"              \
  " PRIMARY KEY(source,task)) WITHOUT ROWID;"                      \
  "CREATE TABLE IF NOT EXISTS leftovers(source INTEGER NOT NULL,"  \
  " task INTEGER NOT NULL,path TEXT NOT NULL,"                     \
  " object INTEGER NOT NULL,PRIMARY KEY(source,task))"             \
  " WITHOUT ROWID;"                                                \
  "CREATE INDEX IF NOT EXISTS leftovers_by_path ON leftovers(path);"

static const char schema_text[] =
    /* Whole numbers by name: created_unix, bytes, requests ... */
    "CREATE TABLE meta(name TEXT PRIMARY KEY,value INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    /* The options of the command line, in the order they were typed. */
    "CREATE TABLE options(position INTEGER PRIMARY KEY,name TEXT NOT NULL,"
    " value TEXT);"
    /* clean=0: it runs, or it was killed. */
    "CREATE TABLE runs(run INTEGER PRIMARY KEY,boot_id TEXT NOT NULL,"
    " started_unix_ns INTEGER NOT NULL,ended_unix_ns INTEGER,"
    " clean INTEGER NOT NULL);"
    /* kind: file, stream, args. spool: the file .spate/spool-N that holds
     * the lines, 0 = path does. ended: every line of it is in a chunk.
     * format: of its lines; auto: not known yet. */
    "CREATE TABLE sources(source INTEGER PRIMARY KEY,kind TEXT NOT NULL,"
    " path TEXT,size INTEGER,mtime_ns INTEGER,digest BLOB,"
    " first_object INTEGER,spool INTEGER NOT NULL,received INTEGER NOT NULL,"
    " ended INTEGER NOT NULL,format TEXT NOT NULL);"
    /* 8192 consecutive task lines; task numbers count from 1 within the
     * source. bitmap: the settled ones, lowest bit first, NULL = all.
     * failed: those that a later run tries again. Of all its lines: the
     * earliest deadline, the highest priority, a bit for each host's name. */
    "CREATE TABLE chunks(source INTEGER NOT NULL,chunk INTEGER NOT NULL,"
    " first_task INTEGER NOT NULL,tasks INTEGER NOT NULL,"
    " settled INTEGER NOT NULL,failed INTEGER NOT NULL DEFAULT 0,"
    " spool INTEGER NOT NULL,byte_offset INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,first_line INTEGER NOT NULL,"
    " lines INTEGER NOT NULL,objects_digest INTEGER NOT NULL,"
    " earliest_deadline INTEGER,priority INTEGER NOT NULL DEFAULT 0,"
    " hosts INTEGER,bitmap BLOB,PRIMARY KEY(source,chunk))"
    " WITHOUT ROWID;"
    /* Totals are asked for at each start and by every look from outside: they
     * must not read all the bitmaps. */
    "CREATE INDEX chunk_figures ON chunks(source,tasks,settled,bytes);"
    /* The lowest byte of each line's object hash. */
    "CREATE TABLE objects(source INTEGER NOT NULL,chunk INTEGER NOT NULL,"
    " hashes BLOB NOT NULL,PRIMARY KEY(source,chunk));"
    /* Only tasks with something to say: failed, expired, cancelled, bad,
     * or done under another name. All the others are bits of a bitmap.
     * class: what failures have in common, see failure.h. */
    "CREATE TABLE tasks(source INTEGER NOT NULL,task INTEGER NOT NULL,"
    " state TEXT NOT NULL,status INTEGER,attempts INTEGER,reason TEXT,"
    " path TEXT,bytes INTEGER,started INTEGER NOT NULL,line INTEGER,"
    " run INTEGER NOT NULL,class TEXT,PRIMARY KEY(source,task))"
    " WITHOUT ROWID;"
    "CREATE INDEX tasks_by_state ON tasks(state,source,task);"
    "CREATE INDEX tasks_by_class ON tasks(class,source,task)"
    " WHERE class IS NOT NULL;"
    /* Unfinished files: bytes from the start that are on the disk, and what
     * is there behind them: "FIRST-LAST,FIRST-LAST", both counted. */
    "CREATE TABLE partials(source INTEGER NOT NULL,task INTEGER NOT NULL,"
    " durable INTEGER NOT NULL,size INTEGER NOT NULL,etag TEXT,"
    " last_modified TEXT,ranges TEXT,PRIMARY KEY(source,task)) WITHOUT ROWID;"
    /* priorities: what a person has made of a task's, dropped when it is done.
     * leftovers: whose PATH.part may be there though the task has ended, and a
     * hash of what it is, see url_object_hash64(). */
    STORE_LATER
    /* Files that grow beside the session (shards, results): how many bytes and
     * records of them belong to tasks that are settled. */
    "CREATE TABLE files(name TEXT PRIMARY KEY,bytes INTEGER NOT NULL,"
    " records INTEGER NOT NULL) WITHOUT ROWID;"
    /* What tasks came to, see summary.h. kind 'status', 'host', 'type': how
     * many of that name ('others', 'host': hosts without a row); 'size',
     * 'latency_us': how many from this value up to the next row's; 'max': the
     * largest. */
    "CREATE TABLE summary(kind TEXT NOT NULL,name TEXT NOT NULL,"
    " value INTEGER NOT NULL,PRIMARY KEY(kind,name)) WITHOUT ROWID;";

/* ---- errors ------------------------------------------------------------ */

static int code_of(int rc) {
  switch (rc & 0xff) {
  case SQLITE_OK:
  case SQLITE_DONE:
  case SQLITE_ROW:
    return 0;
  case SQLITE_FULL:
    return ERR_FULL;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ERR_LOCKED;
  case SQLITE_NOMEM:
    return ERR_NOMEM;
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_CANTOPEN:
    return ERR_READONLY;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return ERR_CORRUPT;
  default:
    return ERR_IO;
  }
}

/* What a person can do about it. */
static const char *advice(int code) {
  switch (code) {
  case ERR_FULL:
    return ": free some space";
  case ERR_LOCKED:
    return ": another program has it open; let that one go";
  case ERR_CORRUPT:
    return ". The downloads are not damaged: move the .spate directory away "
           "and run it again with --skip-existing, or restore the file";
  default:
    return "";
  }
}

static int fail(struct store *st, int rc) {
  int code = code_of(rc);
  int sys = sqlite3_system_errno(st->db);
  if (code == ERR_IO && (sys == ENOSPC || sys == EDQUOT))
    code = ERR_FULL;
  snprintf(st->fault, sizeof st->fault, "session database: %s%s",
           sqlite3_errmsg(st->db), advice(code));
  return code;
}

const char *store_fault(const struct store *store) {
  return store->fault;
}

/* ---- statements -------------------------------------------------------- */

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args) {
  const void *blob;
  const char *text;
  switch (type) {
  case 'i':
    return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
  case 'u':
    return sqlite3_bind_int64(stmt, at, (int64_t)va_arg(*args, uint64_t));
  case 's':
    text = va_arg(*args, const char *);
    return sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
  default:
    blob = va_arg(*args, const void *);
    return sqlite3_bind_blob64(stmt, at, blob, va_arg(*args, size_t),
                               SQLITE_STATIC);
  }
}

sqlite3_stmt *store__bind(struct store *st, enum store_sql sql,
                          const char *types, ...) {
  sqlite3_stmt *stmt = st->stmts[sql];
  int rc = SQLITE_OK;
  if (stmt == NULL) {
    rc = sqlite3_prepare_v3(st->db, sql_text[sql], -1,
                            SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    st->stmts[sql] = stmt;
  }
  va_list args;
  va_start(args, types);
  for (int i = 0; rc == SQLITE_OK && types[i] != '\0'; i++)
    rc = bind_one(stmt, i + 1, types[i], &args);
  va_end(args);
  if (rc == SQLITE_OK)
    return stmt;
  fail(st, rc);
  return NULL;
}

int store__step(struct store *st, sqlite3_stmt *stmt) {
  if (stmt == NULL)
    return code_of(sqlite3_errcode(st->db)) < 0
               ? code_of(sqlite3_errcode(st->db))
               : ERR_NOMEM;
  int rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW)
    return 1;
  int code = rc == SQLITE_DONE ? 0 : fail(st, rc);
  sqlite3_reset(stmt);
  return code;
}

int store__run(struct store *st, sqlite3_stmt *stmt) {
  int rc;
  do
    rc = store__step(st, stmt);
  while (rc == 1);
  return rc;
}

void store__done(sqlite3_stmt *stmt) {
  if (stmt != NULL)
    sqlite3_reset(stmt);
}

int64_t store__rowid(const struct store *store) {
  return sqlite3_last_insert_rowid(store->db);
}

int store__changes(const struct store *store) {
  return sqlite3_changes(store->db);
}

int store_begin(struct store *st) {
  return store__run(st, store__bind(st, SQL_BEGIN, ""));
}

int store_commit(struct store *st) {
  return store__run(st, store__bind(st, SQL_COMMIT, ""));
}

void store_rollback(struct store *st) {
  char fault[sizeof st->fault]; /* of what led here, not of the rollback */
  memcpy(fault, st->fault, sizeof fault);
  if (!sqlite3_get_autocommit(st->db) &&
      store__run(st, store__bind(st, SQL_ROLLBACK, "")) == 0)
    memcpy(st->fault, fault, sizeof fault);
}

int store_begin_read(struct store *st) {
  return store__run(st, store__bind(st, SQL_BEGIN_READ, ""));
}

void store_end_read(struct store *st) {
  store_rollback(st);
}

bool store_was_killed(const struct store *st) {
  return st->killed;
}

int store_checkpoint(struct store *st) {
  return code_of(sqlite3_wal_checkpoint_v2(
      st->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

/* ---- opening ----------------------------------------------------------- */

static int pragma_value(struct store *st, const char *sql, int64_t *value) {
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(st->db, sql, -1, &stmt, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW) {
    *value = sqlite3_column_int64(stmt, 0);
    rc = SQLITE_OK;
  }
  int code = rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : fail(st, rc);
  sqlite3_finalize(stmt);
  return code;
}

static int exec(struct store *st, const char *sql) {
  int rc = sqlite3_exec(st->db, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? 0 : fail(st, rc);
}

/* Makes the tables in one transaction. */
static int make_schema(struct store *st) {
  char version[96];
  snprintf(version, sizeof version,
           "PRAGMA user_version=%d;PRAGMA application_id=%d;", STORE_VERSION,
           APPLICATION_ID);
  int rc = store_begin(st);
  if (rc == 0)
    rc = exec(st, schema_text);
  if (rc == 0)
    rc = exec(st, version);
  if (rc == 0)
    rc = store_commit(st);
  if (rc < 0)
    store_rollback(st);
  return rc;
}

static int explain(struct store *st, const char *path, int rc,
                   struct errmsg *msg) {
  if (rc == ERR_CORRUPT)
    return err_set(msg, rc, "%s is damaged: %s%s", path, st->fault,
                   strstr(st->fault, advice(rc)) == NULL ? advice(rc) : "");
  return err_set(msg, rc, "%s: %s", path,
                 st->fault[0] != '\0' ? st->fault : err_text(rc));
}

static int check_version(struct store *st, const char *path, bool writer,
                         struct errmsg *msg) {
  int64_t version = 0, tables = 0;
  int rc = pragma_value(st, "PRAGMA user_version", &version);
  if (rc == 0)
    rc = pragma_value(st, "SELECT count(*) FROM sqlite_schema", &tables);
  if (rc < 0)
    return explain(st, path, rc, msg);
  if (version == STORE_VERSION)
    return 0;
  if (version > 0)
    return err_set(msg, ERR_UNSUPPORTED,
                   "%s was written by %s spate (format %lld, this one knows "
                   "%d): go on with that one, or begin in another directory",
                   path, version > STORE_VERSION ? "a newer" : "an older",
                   (long long)version, STORE_VERSION);
  if (tables > 0) {
    snprintf(st->fault, sizeof st->fault, "not a session database");
    return explain(st, path, ERR_CORRUPT, msg);
  }
  if (!writer)
    return err_set(msg, ERR_NOTFOUND, "%s is empty", path);
  rc = make_schema(st);
  return rc == 0 ? 0 : explain(st, path, rc, msg);
}

/* After a kill the pages are looked through; a clean end needs no such
 * reading. */
static int check_pages(struct store *st, const char *path, struct errmsg *msg) {
  int64_t unclean = 0, killed = 0;
  int rc = pragma_value(st, sql_text[SQL_RUN_DIRTY], &unclean);
  if (rc == 0)
    rc = pragma_value(st, "SELECT clean=0 FROM runs ORDER BY run DESC LIMIT 1",
                      &killed);
  st->killed = killed != 0;
  if (rc == 0 && unclean > 0) {
    sqlite3_stmt *stmt = NULL;
    rc = sqlite3_prepare_v2(st->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
      rc = sqlite3_step(stmt);
    const char *text =
        rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool good = text != NULL && strcmp(text, "ok") == 0;
    if (!good)
      snprintf(st->fault, sizeof st->fault, "%s",
               text != NULL ? text : sqlite3_errmsg(st->db));
    sqlite3_finalize(stmt);
    rc = good ? 0 : ERR_CORRUPT;
  }
  return rc == 0 ? 0 : explain(st, path, rc, msg);
}

static int dial(struct store **out, const char *path, int flags,
                struct errmsg *msg) {
  struct store *st = calloc(1, sizeof *st);
  if (st == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  int rc = sqlite3_open_v2(path, &st->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (rc != SQLITE_OK) {
    rc = st->db == NULL ? ERR_NOMEM : fail(st, rc);
    explain(st, path, rc, msg);
    store_close(st);
    return rc;
  }
  sqlite3_busy_timeout(st->db, BUSY_MS);
  *out = st;
  return 0;
}

int store_open(struct store **out, const char *path, struct errmsg *msg) {
  struct store *st = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
#ifdef SQLITE_OPEN_NOFOLLOW
  flags |= SQLITE_OPEN_NOFOLLOW;
#endif
  int rc = dial(&st, path, flags, msg);
  if (rc < 0)
    return rc;
  rc = exec(st, "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                "PRAGMA journal_size_limit=16777216;"
                "PRAGMA wal_autocheckpoint=4000;PRAGMA cache_size=-4096;"
                "PRAGMA temp_store=MEMORY;");
  if (rc < 0)
    explain(st, path, rc, msg);
  if (rc == 0)
    rc = check_version(st, path, true, msg);
  if (rc == 0)
    rc = check_pages(st, path, msg);
  if (rc == 0) {
    rc = exec(st, STORE_LATER);
    if (rc < 0)
      explain(st, path, rc, msg);
  }
  if (rc < 0) {
    store_close(st);
    return rc;
  }
  *out = st;
  return 0;
}

/* Where the directory cannot be written to, WAL's shared memory cannot be
 * made: then the file is read as it stands, without what is only in the WAL. */
static int dial_immutable(struct store **out, const char *path,
                          struct errmsg *msg) {
  char *uri = sqlite3_mprintf("file:%s?immutable=1", path);
  if (uri == NULL || strpbrk(path, "?#%") != NULL) {
    sqlite3_free(uri);
    return ERR_READONLY;
  }
  int rc = dial(out, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, msg);
  sqlite3_free(uri);
  return rc;
}

int store_open_reader(struct store **out, const char *path,
                      struct errmsg *msg) {
  struct stat info;
  struct store *st = NULL;
  if (stat(path, &info) < 0 && errno == ENOENT)
    return err_set(msg, ERR_NOTFOUND, "there is no session: %s is missing",
                   path);
  int rc = dial(&st, path, SQLITE_OPEN_READONLY, msg);
  if (rc == 0)
    rc = check_version(st, path, false, msg);
  if (rc == ERR_READONLY) {
    store_close(st);
    st = NULL;
    rc = dial_immutable(&st, path, msg);
    if (rc == 0)
      rc = check_version(st, path, false, msg);
  }
  if (rc < 0) {
    store_close(st);
    return rc;
  }
  *out = st;
  return 0;
}

void store_close(struct store *st) {
  if (st == NULL)
    return;
  for (int i = 0; i < SQL_COUNT; i++)
    sqlite3_finalize(st->stmts[i]);
  sqlite3_close(st->db);
  free(st);
}
