/* SPDX-License-Identifier: MIT
 *
 * The session's database: its tables, and what is written and read in one
 * piece. Table and column names are made to be asked questions with sqlite3;
 * schema_text in store.c says what they mean.
 *
 * WAL, synchronous=NORMAL: a kill loses nothing that was committed, a power
 * cut at most the last commits, never the database.
 *
 * Blocking. A store belongs to one thread at a time: the starting thread
 * until session_start(), then the storage thread until it has ended.
 */
#ifndef SPATE_STORE_H
#define SPATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"
#include "history.h"
#include "session.h"
#include "source.h"
#include "summary.h"

#define STORE_VERSION 4
#define STORE_AHEAD 16 /* chunks that store_next() reads at once */

/* A task with something to say; ROW_NONE takes its row away. */
enum row_state {
  ROW_NONE,
  ROW_FAILED,
  ROW_EXPIRED,
  ROW_CANCELLED,
  ROW_BAD,  /* a line that cannot be used; the next run looks at it again */
  ROW_DONE, /* done, under another name than expected */
  ROW_STATE_COUNT
};

/* Delivered again by a later run. */
static inline bool row_again(enum row_state state) {
  return state == ROW_FAILED || state == ROW_EXPIRED || state == ROW_BAD;
}

enum row_state row_of_task(enum task_state state);

struct store_row {
  uint64_t id;
  enum row_state state;
  unsigned started; /* of its output may have been made: session_owns */
  int status, attempts;
  int64_t bytes;
  uint64_t line;             /* of a bad line; else 0 */
  const char *reason, *path; /* taken by a batch: one block, at reason */
  bool left;                 /* not done: PATH.part may be there */
  uint64_t object;           /* that it is of, when left */
};

struct store_partial {
  uint64_t id;
  bool forget;
  struct session_partial partial;
};

/* A task that has made PATH.part. */
struct store_claim {
  uint64_t id;
  char *path; /* taken */
};

/* A priority that a person has given a task. */
struct store_rank {
  uint64_t id;
  bool forget;
  int32_t priority;
};

/* A chunk's row as it is to be written. */
struct store_chunk {
  uint32_t source, number, count, settled;
  struct chunk_place place;
  uint64_t digest;
  bool rows_changed;
  uint8_t bits[CHUNK_BITMAP];
  uint8_t *objects; /* taken; NULL: not changed */
};

/* The length of a file beside the session. */
struct store_file {
  char *name;    /* taken */
  int fd;        /* borrowed; -1 nothing to flush */
  int64_t bytes; /* -1: forget it */
  uint64_t records;
};

/* A row of the summary. */
struct store_figure {
  const char *kind; /* static */
  char *name;       /* taken; NULL: all of that kind go */
  uint64_t value;
};

/* An option that was changed meanwhile. */
struct store_option {
  char *name; /* taken; one block with the others */
  const char *value, *same;
};

/* Everything of one transaction. Vectors are kept between uses. */
struct store_batch {
  struct store_chunk *chunks;
  size_t chunk_count, chunk_cap;
  struct store_row *rows;
  size_t row_count, row_cap;
  struct store_partial *partials;
  size_t partial_count, partial_cap;
  struct store_rank *ranks;
  size_t rank_count, rank_cap;
  struct source *sources; /* copies; path borrowed */
  size_t source_count, source_cap;
  uint64_t *ids; /* settled tasks to be reported */
  size_t id_count, id_cap;
  uint64_t *asks; /* cancelled tasks that are wanted after all; of the rest
                     nothing changes */
  size_t ask_count, ask_cap;
  uint64_t revived; /* how many of them were, when it is written */
  uint64_t *robbed; /* cancelled tasks whose .part is another's from now on */
  size_t robbed_count, robbed_cap;
  struct store_claim *claims;
  size_t claim_count, claim_cap;
  struct store_option *options;
  size_t option_count, option_cap;
  char **paths; /* taken; to be flushed one by one where syncfs is missing */
  size_t path_count, path_cap;
  struct store_file *files; /* not written when data was lost */
  size_t file_count, file_cap;
  struct store_text {
    char *data; /* taken: lines for a list */
    size_t length, cap;
    uint64_t records;
  } texts[SESSION_LISTS];
  struct store_figure *figures; /* in their order */
  size_t figure_count, figure_cap;
  struct session_traffic traffic;
  uint64_t run;
  bool lost; /* the flush failed: what was done is failed, see lost_from */
  size_t lost_from; /* first of the rows that say so */
  bool suspect;     /* settled before a flush failed: counts as lost too */
  uint64_t took_us;
};

#define STORE_LOST_REASON \
  "the system reported lost data while it was being written"

void store_batch_reset(struct store_batch *batch); /* empties it */
void store_batch_fini(struct store_batch *batch);

/* Makes room for one more element of a batch's vector. */
#define STORE_PUSH(batch, what)                                 \
  store__push((void **)&(batch)->what##s, &(batch)->what##_cap, \
              (batch)->what##_count, sizeof *(batch)->what##s)
int store__push(void **vector, size_t *cap, size_t count,
                size_t size) MUST_CHECK;

/* What is known of a chunk when work on it begins. */
struct store_loaded_row {
  uint32_t index;
  enum row_state state;
  unsigned started;
  uint64_t run; /* that wrote it */
};
struct store_loaded_partial {
  uint32_t index;
  struct session_partial partial;
};
struct store_loaded_rank {
  uint32_t index;
  int32_t priority;
};
struct store_loaded {
  struct store_chunk chunk; /* objects: all that are known, or NULL */
  struct store_loaded_row *rows;
  size_t row_count;
  struct store_loaded_partial *partials;
  size_t partial_count;
  struct store_loaded_rank *ranks;
  size_t rank_count;
};
void store_loaded_free(struct store_loaded *loaded); /* takes NULL */

struct store;

/* Opens (writer) or makes the database. ERR_CORRUPT says what can be done. */
int store_open(struct store **out, const char *path,
               struct errmsg *msg) MUST_CHECK;
/* For looking only. ERR_NOTFOUND when there is none. */
int store_open_reader(struct store **out, const char *path,
                      struct errmsg *msg) MUST_CHECK;
void store_close(struct store *store); /* takes NULL */

/* The sentence for what failed last. */
const char *store_fault(const struct store *store);

int store_begin(struct store *store) MUST_CHECK;
int store_commit(struct store *store) MUST_CHECK;
void store_rollback(struct store *store);
/* One picture for several reads. */
int store_begin_read(struct store *store) MUST_CHECK;
void store_end_read(struct store *store);

/* A whole batch in one transaction. */
int store_apply(struct store *store, struct store_batch *batch) MUST_CHECK;

/* The next chunks of a source behind `after` (-1: from the first) that have
 * something left to do; *count 0: none. ended: nothing can be behind a last
 * chunk that is not full. */
int store_next(struct store *store, uint32_t source, int64_t after, bool ended,
               struct store_loaded **loaded, size_t *count) MUST_CHECK;
/* Fills the source's order from its chunks: open where something is left. */
int store_order(struct store *store, struct source *source) MUST_CHECK;
/* Lets chunks come in their turn for what a person has put first in them. */
int store_order_ranks(struct store *store, struct source *source) MUST_CHECK;
/* One chunk, with its objects when asked for; *loaded NULL: none. */
int store_load(struct store *store, uint32_t source, uint32_t number,
               bool objects, struct store_loaded **loaded) MUST_CHECK;

int store_checkpoint(struct store *store);

/* ---- small things (starting thread) ---- */

int store_sources(struct store *store, struct source **sources,
                  size_t *count) MUST_CHECK;
int store_source_put(struct store *store,
                     const struct source *source) MUST_CHECK;
int store_source_drop(struct store *store, uint32_t source) MUST_CHECK;
/* Rewrites where a chunk stands, after a source was replaced. */
int store_chunk_move(struct store *store, uint32_t source, uint32_t number,
                     const struct chunk_place *place) MUST_CHECK;

struct store_tally {
  uint64_t settled;
  uint64_t rows[ROW_STATE_COUNT];
};
int store_tally(struct store *store, struct store_tally *tally) MUST_CHECK;

/* A whole number kept under a name; 0 when there is none. */
int store_meta_get(struct store *store, const char *name,
                   int64_t *value) MUST_CHECK;
int store_meta_put(struct store *store, const char *name,
                   int64_t value) MUST_CHECK;

/* As it was opened: the run before did not end in order. */
bool store_was_killed(const struct store *store);
/* A run begins: *run is its number, *ours_since the start of the first run
 * of another boot that did not end well (0 none). */
int store_run_begin(struct store *store, const char *boot, int64_t now_ns,
                    uint64_t *run, int64_t *ours_since) MUST_CHECK;
/* It ended well; finished: so did, with it, all before. */
int store_run_end(struct store *store, uint64_t run, int64_t now_ns,
                  bool finished) MUST_CHECK;

int store_options_put(struct store *store, const struct session_option *options,
                      size_t count) MUST_CHECK;
int store_options_get(struct store *store,
                      int (*each)(void *arg, const char *name,
                                  const char *value),
                      void *arg) MUST_CHECK;

int store_file_put(struct store *store,
                   const struct store_file *file) MUST_CHECK;
int store_file_get(struct store *store, const char *name, int64_t *bytes,
                   uint64_t *records) MUST_CHECK;
/* In the order of names; none where the table is missing. */
int store_files(struct store *store, session_file_fn *each,
                void *arg) MUST_CHECK;

/* Adds the rows of the database to a summary. */
int store_summary(struct store *store, struct summary *summary) MUST_CHECK;

/* The numbers of all spool files that something refers to. */
int store_spools(struct store *store, uint32_t **spools,
                 size_t *count) MUST_CHECK;

/* Who has left PATH.part: a task that was cancelled then, and is, when the
 * found one's id is not 0. */
struct store_left {
  uint64_t id, object;
  bool has_partial;
  struct session_partial partial;
};
int store_left_find(struct store *store, const char *path,
                    struct store_left *left) MUST_CHECK;

/* Asks a cancelled task to be done after all. */
int store_row_revive(struct store *store, uint64_t id) MUST_CHECK;

/* Failed and expired tasks behind `after`, at most cap, with their chunk's
 * place; texts are owned by the caller (free reason). */
struct store_failure {
  uint64_t id;
  enum row_state state;
  int status, attempts;
  char *reason;
  char class_name[FAILURE_CLASS_CAP];
};
int store_failures(struct store *store, uint64_t after,
                   struct store_failure *failures, size_t cap,
                   size_t *count) MUST_CHECK;

/* Takes those that the filter does not let through for tried by this run. */
int store_leave_failures(struct store *store,
                         const struct failure_filter *filter,
                         uint64_t run) MUST_CHECK;

/* ---- for the history reader ---- */

/* As store_sources(), without the bytes read of each, which cost a scan. */
int store_sources_brief(struct store *store, struct source **sources,
                        size_t *count) MUST_CHECK;

/* A task's row in full. */
struct store_task {
  uint64_t id;
  enum row_state state;
  int status, attempts;
  int64_t bytes;
  const char *reason, *path; /* path NULL: as the list says */
  char class_name[FAILURE_CLASS_CAP];
  char *texts; /* owned */
};
int store_tasks(struct store *store, uint32_t source, uint32_t number,
                struct store_task **tasks, size_t *count) MUST_CHECK;
void store_tasks_free(struct store_task *tasks, size_t count);

/* The first row at `from` or behind it (last: at or before it) whose state is
 * one of the bits 1 << row_state, or which is of this class. 1 and its id, 0,
 * or an error. */
int store_find(struct store *store, unsigned states, const char *class_name,
               uint64_t from, bool last, uint64_t *id) MUST_CHECK;

/* *classes is the caller's to free(). */
int store_classes(struct store *store, struct history_class **classes,
                  size_t *count) MUST_CHECK;

/* ---- for the files of the store ---- */

#define STORE_SQL(X)                                                           \
  X(SQL_BEGIN, "BEGIN IMMEDIATE")                                              \
  X(SQL_BEGIN_READ, "BEGIN")                                                   \
  X(SQL_COMMIT, "COMMIT")                                                      \
  X(SQL_ROLLBACK, "ROLLBACK")                                                  \
  X(SQL_CHUNK_PUT,                                                             \
    "INSERT INTO chunks(source,chunk,first_task,tasks,settled,spool,"          \
    "byte_offset,bytes,first_line,lines,objects_digest,bitmap,"                \
    "earliest_deadline,priority,hosts)"                                        \
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,0),?,nullif(?,0))"               \
    " ON CONFLICT(source,chunk) DO UPDATE SET"                                 \
    " tasks=excluded.tasks,settled=excluded.settled,spool=excluded.spool,"     \
    "byte_offset=excluded.byte_offset,bytes=excluded.bytes,"                   \
    "first_line=excluded.first_line,lines=excluded.lines,"                     \
    "objects_digest=excluded.objects_digest,bitmap=excluded.bitmap,"           \
    "earliest_deadline=excluded.earliest_deadline,"                            \
    "priority=excluded.priority,hosts=excluded.hosts")                         \
  X(SQL_CHUNK_FAILED,                                                          \
    "UPDATE chunks SET failed=(SELECT count(*) FROM tasks WHERE source=?1"     \
    " AND task>?3 AND task<=?3+8192 AND state IN('failed','expired','bad'))"   \
    " WHERE source=?1 AND chunk=?2")                                           \
  X(SQL_CHUNK_MOVE,                                                            \
    "UPDATE chunks SET spool=?3,byte_offset=?4,bytes=?5,first_line=?6,"        \
    "lines=?7,earliest_deadline=nullif(?8,0),priority=?9,hosts=nullif(?10,0)"  \
    " WHERE source=?1 AND chunk=?2")                                           \
  X(SQL_OBJECTS_PUT,                                                           \
    "INSERT OR REPLACE INTO objects(source,chunk,hashes) VALUES(?,?,?)")       \
  X(SQL_OBJECTS_GET, "SELECT hashes FROM objects WHERE source=? AND chunk=?")  \
  X(SQL_ROW_PUT,                                                               \
    "INSERT OR REPLACE INTO tasks(source,task,state,status,attempts,reason,"   \
    "path,bytes,started,line,run,class) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)")      \
  X(SQL_ROW_DROP, "DELETE FROM tasks WHERE source=? AND task=?")               \
  X(SQL_ROW_REVIVE,                                                            \
    "UPDATE tasks SET state='failed',reason='cancelled, then asked for again'" \
    ",class='asked-again'"                                                     \
    " WHERE source=? AND task=? AND state='cancelled'")                        \
  X(SQL_LEFT_PUT, "INSERT OR REPLACE INTO leftovers(source,task,path,object)"  \
                  " VALUES(?,?,?,?)")                                          \
  X(SQL_LEFT_GET, "SELECT source,task,object FROM leftovers WHERE path=?")     \
  X(SQL_LEFT_OTHER,                                                            \
    "SELECT source,task FROM leftovers WHERE path=?1"                          \
    " AND NOT(source=?2 AND task=?3) LIMIT 1")                                 \
  X(SQL_LEFT_DROP, "DELETE FROM leftovers WHERE source=? AND task=?")          \
  X(SQL_ROW_FOREIGN, "UPDATE tasks SET started=0 WHERE source=? AND task=?")   \
  X(SQL_ROWS_OF,                                                               \
    "SELECT task,state,started,run FROM tasks"                                 \
    " WHERE source=?1 AND task>?2 AND task<=?2+8192 ORDER BY task")            \
  X(SQL_PARTIAL_PUT,                                                           \
    "INSERT OR REPLACE INTO partials(source,task,durable,size,etag,"           \
    "last_modified,ranges) VALUES(?,?,?,?,?,?,?)")                             \
  X(SQL_PARTIAL_DROP, "DELETE FROM partials WHERE source=? AND task=?")        \
  X(SQL_PARTIALS_OF,                                                           \
    "SELECT task,durable,size,etag,last_modified,ranges FROM partials"         \
    " WHERE source=?1 AND task>?2 AND task<=?2+8192 ORDER BY task")            \
  X(SQL_RANK_PUT,                                                              \
    "INSERT OR REPLACE INTO priorities(source,task,priority) VALUES(?,?,?)")   \
  X(SQL_RANK_DROP, "DELETE FROM priorities WHERE source=? AND task=?")         \
  X(SQL_RANKS_OF,                                                              \
    "SELECT task,priority FROM priorities"                                     \
    " WHERE source=?1 AND task>?2 AND task<=?2+8192 ORDER BY task")            \
  X(SQL_RANKS_MOST, "SELECT(task-1)/8192,max(priority) FROM priorities"        \
                    " WHERE source=? GROUP BY 1")                              \
  X(SQL_CHUNKS_NEXT,                                                           \
    "SELECT chunk,tasks,settled,spool,byte_offset,bytes,first_line,lines,"     \
    "objects_digest,bitmap,earliest_deadline,priority,hosts FROM chunks"       \
    " WHERE source=?1 AND chunk>?2"                                            \
    " AND(settled<tasks OR failed>0 OR(tasks<8192 AND ?3=0))"                  \
    " ORDER BY chunk LIMIT ?4")                                                \
  X(SQL_CHUNK_GET,                                                             \
    "SELECT chunk,tasks,settled,spool,byte_offset,bytes,first_line,lines,"     \
    "objects_digest,bitmap,earliest_deadline,priority,hosts FROM chunks"       \
    " WHERE source=?1 AND chunk=?2")                                           \
  X(SQL_ORDER,                                                                 \
    "SELECT chunk,settled<tasks OR failed>0 OR(tasks<8192 AND ?2=0),"          \
    "earliest_deadline,priority,hosts FROM chunks WHERE source=?1")            \
  X(SQL_SOURCES,                                                               \
    "SELECT source,kind,path,size,mtime_ns,digest,first_object,spool,"         \
    "received,ended,format FROM sources ORDER BY source")                      \
  X(SQL_SOURCE_TAIL,                                                           \
    "SELECT chunk,byte_offset+bytes,first_line+lines,spool,tasks FROM chunks"  \
    " WHERE source=? ORDER BY chunk DESC LIMIT 1")                             \
  X(SQL_SOURCE_SUM,                                                            \
    "SELECT coalesce(sum(tasks),0),coalesce(sum(bytes),0) FROM chunks"         \
    " WHERE source=?")                                                         \
  X(SQL_SOURCE_PUT,                                                            \
    "INSERT OR REPLACE INTO sources(source,kind,path,size,mtime_ns,digest,"    \
    "first_object,spool,received,ended,format)"                                \
    " VALUES(?,?,?,?,?,?,?,?,?,?,?)")                                          \
  X(SQL_SOURCE_DROP, "DELETE FROM sources WHERE source=?")                     \
  X(SQL_SETTLED, "SELECT coalesce(sum(settled),0) FROM chunks")                \
  X(SQL_ROW_TALLY, "SELECT state,count(*) FROM tasks GROUP BY state")          \
  X(SQL_SPOOLS, "SELECT spool FROM sources UNION SELECT spool FROM chunks")    \
  X(SQL_FILE_PUT,                                                              \
    "INSERT OR REPLACE INTO files(name,bytes,records) VALUES(?,?,?)")          \
  X(SQL_FILE_DROP, "DELETE FROM files WHERE name=?")                           \
  X(SQL_FILE_GET, "SELECT bytes,records FROM files WHERE name=?")              \
  X(SQL_FILES, "SELECT name,bytes,records FROM files ORDER BY name")           \
  X(SQL_FILES_KNOWN, "SELECT 1 FROM sqlite_schema WHERE name='files'")         \
  X(SQL_SUMMARY_DROP, "DELETE FROM summary WHERE kind=?")                      \
  X(SQL_SUMMARY_PUT,                                                           \
    "INSERT OR REPLACE INTO summary(kind,name,value) VALUES(?,?,?)")           \
  X(SQL_SUMMARY, "SELECT kind,name,value FROM summary")                        \
  X(SQL_META_GET, "SELECT value FROM meta WHERE name=?")                       \
  X(SQL_META_PUT, "INSERT OR REPLACE INTO meta(name,value) VALUES(?,?)")       \
  X(SQL_META_ADD, "INSERT INTO meta(name,value) VALUES(?1,?2)"                 \
                  " ON CONFLICT(name) DO UPDATE SET value=value+?2")           \
  X(SQL_RUN_SINCE, "SELECT coalesce(min(started_unix_ns),0) FROM runs"         \
                   " WHERE clean=0 AND(boot_id<>?1 OR ?1='unknown')")          \
  X(SQL_RUN_BEGIN,                                                             \
    "INSERT INTO runs(boot_id,started_unix_ns,clean) VALUES(?,?,0)")           \
  X(SQL_RUN_END, "UPDATE runs SET ended_unix_ns=?2,clean=1 WHERE run=?1")      \
  X(SQL_RUN_ALL, "UPDATE runs SET clean=1")                                    \
  X(SQL_RUN_DIRTY, "SELECT count(*) FROM runs WHERE clean=0")                  \
  X(SQL_OPTIONS_DROP, "DELETE FROM options")                                   \
  X(SQL_OPTIONS_PUT, "INSERT INTO options(name,value) VALUES(?,?)")            \
  X(SQL_OPTIONS_SET_DROP,                                                      \
    "DELETE FROM options WHERE name=?1 AND substr(value,1,length(?2))=?2")     \
  X(SQL_OPTIONS_GET, "SELECT name,value FROM options ORDER BY position")       \
  X(SQL_FAILURES,                                                              \
    "SELECT source,task,state,status,attempts,reason,class FROM tasks"         \
    " WHERE state IN('failed','expired') AND(source,task)>(?1,?2)"             \
    " ORDER BY source,task LIMIT ?3")                                          \
  X(SQL_FAILED, "SELECT source,task,status,reason,class FROM tasks"            \
                " WHERE state='failed' AND(source,task)>(?1,?2)"               \
                " ORDER BY source,task LIMIT ?3")                              \
  X(SQL_ROW_LEAVE, "UPDATE tasks SET run=?3 WHERE source=?1 AND task=?2")      \
  X(SQL_CLASSES, "SELECT class,count(*) FROM tasks WHERE class IS NOT NULL"    \
                 " GROUP BY class ORDER BY 2 DESC,1")                          \
  X(SQL_TASKS_OF,                                                              \
    "SELECT source,task,state,status,attempts,reason,path,bytes,class"         \
    " FROM tasks WHERE source=?1 AND task>?2 AND task<=?2+8192 ORDER BY task") \
  X(SQL_FIND_NEXT, "SELECT source,task FROM tasks"                             \
                   " WHERE(source,task)>=(?1,?2) AND instr(?3,state)>0"        \
                   " ORDER BY source,task LIMIT 1")                            \
  X(SQL_FIND_LAST, "SELECT source,task FROM tasks"                             \
                   " WHERE(source,task)<=(?1,?2) AND instr(?3,state)>0"        \
                   " ORDER BY source DESC,task DESC LIMIT 1")                  \
  X(SQL_CLASS_NEXT, "SELECT source,task FROM tasks WHERE class=?3"             \
                    " AND(source,task)>=(?1,?2) ORDER BY source,task LIMIT 1") \
  X(SQL_CLASS_LAST, "SELECT source,task FROM tasks WHERE class=?3"             \
                    " AND(source,task)<=(?1,?2)"                               \
                    " ORDER BY source DESC,task DESC LIMIT 1")

enum store_sql {
#define STORE_SQL_ENUM(name, text) name,
  STORE_SQL(STORE_SQL_ENUM)
#undef STORE_SQL_ENUM
      SQL_COUNT
};

struct sqlite3_stmt;

/* The prepared statement with its parameters bound: i int64_t, u uint64_t
 * (stored as signed), s text or NULL, b pointer and size_t. NULL: see
 * store_fault(). */
struct sqlite3_stmt *store__bind(struct store *store, enum store_sql sql,
                                 const char *types, ...);
/* Steps to the end. */
int store__run(struct store *store, struct sqlite3_stmt *stmt) MUST_CHECK;
/* 1 a row, 0 the end, or an error. Reset when it is not 1. */
int store__step(struct store *store, struct sqlite3_stmt *stmt) MUST_CHECK;
/* Gives a statement back before its end. */
void store__done(struct sqlite3_stmt *stmt);
int64_t store__rowid(const struct store *store);
/* How many rows the last statement that was run has changed. */
int store__changes(const struct store *store);
enum row_state store__state(const char *name);
/* A class as a column has it; out has FAILURE_CLASS_CAP bytes. */
void store__class(char *out, struct sqlite3_stmt *stmt, int column);

#endif
