/* SPDX-License-Identifier: MIT
 *
 * Making the shards of a run, and what earlier runs have left: shards that
 * were appended to are cut to their length and gone on with, or ended when the
 * new run wants others; names that were not given any more are given.
 *
 * Thread: the starting thread, before the session runs. Blocks.
 */
#include "config.h"

#include "shards_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool take(const char **at, const char *word) {
  size_t length = strlen(word);
  if (strncmp(*at, word, length) != 0)
    return false;
  *at += length;
  return true;
}

static bool take_number(const char **at, unsigned *number) {
  unsigned digits = 0;
  for (*number = 0; **at >= '0' && **at <= '9' && digits < 9; digits++)
    *number = *number * 10 + (unsigned)(*(*at)++ - '0');
  return digits >= 5;
}

bool shard_name_parse(const char *name, struct shard_name *parts) {
  const char *at = name;
  if (!take(&at, "shard-") || !take_number(&at, &parts->number))
    return false;
  parts->form = take(&at, ".jsonl")  ? FORM_JSONL
                : take(&at, ".tar")  ? FORM_TAR
                : take(&at, ".warc") ? FORM_WARC
                                     : FORM_FILES;
  parts->codec = take(&at, ".gz")    ? CODEC_GZIP
                 : take(&at, ".zst") ? CODEC_ZSTD
                                     : CODEC_NONE;
  parts->part = take(&at, ".part");
  return parts->form != FORM_FILES && *at == '\0';
}

/* ---- one entry of the session ----------------------------------------------
 */

struct loading {
  struct shards *shards;
  struct link files; /* with ".part" */
  int code;
};

static int on_entry(void *arg, const char *name, int64_t bytes,
                    uint64_t records) {
  struct loading *loading = arg;
  struct shards *s = loading->shards;
  struct shard_name parts;
  if (!shard_name_parse(name, &parts))
    return 0;
  if (parts.number >= s->next)
    s->next = parts.number + 1;
  struct shard_file *file = shards__file_new(s);
  if (file == NULL)
    return loading->code = ERR_NOMEM;
  file->number = parts.number;
  file->plan.form = parts.form;
  file->codec = parts.codec;
  file->length = bytes;
  file->records = records;
  file->state = parts.part ? FILE_OPEN : FILE_GONE;
  shard_names(file);
  list_append(&loading->files, &file->link);
  return 0;
}

/* Its transaction was the last thing that happened before a kill. */
static void give_late_name(struct shard_file *file) {
  struct shards *s = file->shards;
  char part[SHARD_NAME + 8];
  snprintf(part, sizeof part, "%s.part", file->name);
  if (faccessat(file->dirfd, part, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    shard_job_name(file);
  snprintf(part, sizeof part, "%s.part", file->index);
  if (faccessat(file->dirfd, part, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    shard_job_name(file); /* the first name is given by now */
  s->closed++;
  s->closed_records += file->records;
  s->closed_bytes += file->length;
  shards__file_free(file);
}

static void forget(struct shard_file *file, const struct errmsg *msg) {
  struct session *session = file->shards->config.session;
  const struct shards_config *config = &file->shards->config;
  char name[SHARD_NAME + 8];
  if (file->length > 0)
    config->ops->note(config->arg, true, msg->text);
  snprintf(name, sizeof name, "%s.part", file->name);
  session_file_put(session, name, -1, -1, 0);
  snprintf(name, sizeof name, "%s.part", file->index);
  session_file_put(session, name, -1, -1, 0);
  shards__file_free(file);
}

static bool fits(const struct shard_file *file) {
  const struct shards_config *config = &file->shards->config;
  return file->plan.form == config->form && file->codec == config->codec &&
         file->length < config->size;
}

static int take_up(struct shard_file *file, struct errmsg *msg) {
  struct shards *s = file->shards;
  char index[SHARD_NAME + 8];
  uint64_t records;
  snprintf(index, sizeof index, "%s.part", file->index);
  int rc = session_file_get(s->config.session, index, &file->index_length,
                            &records, msg);
  if (rc == 0 || rc == ERR_NOTFOUND)
    rc = shard_reopen(file, msg);
  if (rc == ERR_NOTFOUND) {
    forget(file, msg);
    return 0;
  }
  if (rc < 0) {
    shards__file_free(file);
    return rc;
  }
  for (unsigned i = 0; i < s->config.count && fits(file); i++)
    if (s->streams[i].file == NULL) {
      s->streams[i].file = file;
      file->stream = &s->streams[i];
      return 0;
    }
  list_append(&s->ending, &file->link);
  return 0;
}

static int load(struct shards *s, struct errmsg *msg) {
  struct loading loading = {.shards = s};
  struct link *l;
  list_init(&loading.files);
  int rc = session_files_each(s->config.session, on_entry, &loading, msg);
  while ((l = list_take(&loading.files)) != NULL) {
    struct shard_file *file = LINK_ENTRY(l, struct shard_file, link);
    if (rc != 0)
      shards__file_free(file);
    else if (file->state == FILE_GONE)
      give_late_name(file);
    else
      rc = take_up(file, msg);
  }
  return rc;
}

/* ---- all
 * ---------------------------------------------------------------------- */

static void init(struct shards *s, const struct shards_config *config) {
  s->config = *config;
  s->config.headers = s->headers;
  s->plan = (struct scribe_plan){config->form, s->headers};
  if (s->config.count < 1)
    s->config.count = 1;
  if (s->config.count > SHARD_COUNT_MAX)
    s->config.count = SHARD_COUNT_MAX;
  s->frame_bytes = config->codec == CODEC_NONE ? SHARD_FRAME / 4 : SHARD_FRAME;
  if (s->frame_bytes > (uint64_t)config->size / 8) /* sizes are to be kept */
    s->frame_bytes = (uint64_t)config->size / 8;
  list_init(&s->ending);
  list_init(&s->dead);
  for (unsigned i = 0; i < s->config.count; i++) {
    s->streams[i].shards = s;
    list_init(&s->streams[i].frames);
  }
}

int shards_new(struct shards **out, const struct shards_config *config,
               struct errmsg *msg) {
  struct shards *s = calloc(1, sizeof *s);
  *out = NULL;
  if (s == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  s->headers = strdup(config->headers != NULL ? config->headers : "");
  if (s->headers == NULL) {
    free(s);
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  }
  init(s, config);
  int rc = load(s, msg);
  if (rc != 0 || (config->form == FORM_FILES && list_empty(&s->ending))) {
    shards_free(s);
    return rc;
  }
  *out = s;
  return 0;
}
