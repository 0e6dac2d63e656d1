/* SPDX-License-Identifier: MIT
 *
 * See look.h. The head is asked of libcurl, which keeps it as long as the
 * handle is in use, so that it costs nothing where nobody looks.
 */
#include "config.h"

#include "look.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "redact.h"
#include "request.h"
#include "split.h"

#define LINE_CAP 2048

void look_init(struct look *look) {
  memset(look, 0, sizeof(*look));
  bytes_init(&look->text, LOOK_CAP);
  bytes_init(&look->heads, LOOK_CAP / 2);
}

void look_fini(struct look *look) {
  bytes_fini(&look->text);
  bytes_fini(&look->heads);
}

void look_turn(struct look *look, uint64_t task) {
  if (look->task == task)
    return;
  look->task = task;
  look->heads_of = 0;
  bytes_clear(&look->heads);
  bytes_clear(&look->text);
}

/* Line feeds would make lines of their own. */
static void add(struct bytes *to, const char *word, const char *text) {
  char line[LINE_CAP];
  size_t len = 0;
  for (; *text != '\0' && len < sizeof(line) - 1; text++)
    line[len++] = (unsigned char)*text < ' ' ? ' ' : *text;
  line[len] = '\0';
  bytes_printf(to, "%s\t%s\n", word, line);
}

static void add_url(struct bytes *to, const char *word, const char *before,
                    const char *url) {
  char line[LINE_CAP], shown[LINE_CAP];
  redact_url(url, shown, sizeof(shown));
  snprintf(line, sizeof(line), "%.20s%.*s", before, LINE_CAP - 32, shown);
  add(to, word, line);
}

static struct task *find(struct engine *e, uint64_t id) {
  struct link *lists[] = {&e->recent_failed, &e->recent_done};
  struct task *task = idmap_find(&e->tasks, id);
  for (size_t i = 0; task == NULL && i < 2; i++)
    for (struct link *l = lists[i]->next; l != lists[i]; l = l->next)
      if (LINK_ENTRY(l, struct task, all)->id == id)
        return LINK_ENTRY(l, struct task, all);
  return task;
}

static struct transfer *transfer_of(const struct task *task) {
  for (int i = 0; task->split != NULL && i < SEGMENTS_MAX; i++)
    if (task->split->part[i] != NULL &&
        task->split->part[i]->transfer != NULL &&
        task->split->part[i]->transfer->head_ns != 0)
      return task->split->part[i]->transfer;
  return task->transfer;
}

/* ---- what is asked and answered -------------------------------------------
 */

static void put_header(struct bytes *to, const char *word, const char *line) {
  char shown[LINE_CAP];
  redact_header(line, shown, sizeof(shown));
  add(to, word, shown);
}

/* The lines that are not in every request. */
static void put_request(struct engine *e, const struct task *task,
                        const struct transfer *transfer) {
  struct bytes *to = &e->look.text;
  const struct task_fields *fields = task->fields;
  char line[LINE_CAP];
  const char *method = fields != NULL && fields->method != NULL ? fields->method
                       : fields != NULL && fields->body != NULL ? "POST"
                                                                : "GET";
  snprintf(line, sizeof(line), "%.20s ", task->as_get ? "GET" : method);
  add_url(to, "asks", line, task_target(task));
  if (transfer != NULL && transfer->range_to >= 0)
    bytes_printf(to, "asks\tRange: bytes=%lld-%lld\n",
                 (long long)transfer->range_from,
                 (long long)transfer->range_to);
  else if (transfer != NULL && transfer->range_from > 0)
    bytes_printf(to, "asks\tRange: bytes=%lld-\n",
                 (long long)transfer->range_from);
  for (const struct curl_slist *l = e->transfers.headers; l != NULL;
       l = l->next)
    put_header(to, "asks", l->data);
  for (size_t i = 0; fields != NULL && i < fields->header_count; i++)
    put_header(to, "asks", fields->headers[i]);
  if (fields != NULL && fields->body != NULL)
    bytes_printf(to, "asks\t(and a body of %zu bytes)\n", fields->body_length);
}

static void note_heads(struct look *look, const struct transfer *transfer) {
#if LIBCURL_VERSION_NUM >= 0x075400 /* 7.84: the API is no experiment */
  struct curl_header *header = NULL;
  char line[LINE_CAP];
  if (transfer == NULL || transfer->head_ns == 0 ||
      transfer->sent_ns == look->heads_of)
    return;
  look->heads_of = transfer->sent_ns;
  bytes_clear(&look->heads);
  while ((header = curl_easy_nextheader(transfer->easy, CURLH_HEADER, -1,
                                        header)) != NULL) {
    snprintf(line, sizeof(line), "%.100s: %.1800s", header->name,
             header->value);
    put_header(&look->heads, "says", line);
  }
#else
  (void)look;
  (void)transfer;
#endif
}

/* ---- what becomes of it ----------------------------------------------------
 */

static void put_mirrors(struct bytes *to, const struct task *task) {
  size_t count = task->fields != NULL ? task->fields->mirror_count : 0;
  for (size_t i = 0; count > 0 && i <= count; i++) {
    bool bad = i < 32 && (task->bad_mirrors & 1u << i) != 0;
    add_url(to, "mirror",
            bad                 ? "not asked any more "
            : i == task->mirror ? "now "
                                : "",
            task_mirror_url(task, (unsigned)i));
  }
}

static void put_steps(struct engine *e, const struct task *task) {
  static const char *const checks[] = {
      [CHECK_JSON] = "checked: JSON", [CHECK_GZIP] = "checked: gzip"};
  struct bytes *to = &e->look.text;
  if (task->fields != NULL && task->fields->checksum != NULL)
    add(to, "promise", task->fields->checksum);
  if (task->digest != NULL)
    add(to, "digest", task->digest);
  if (task->unpack != UNPACK_NONE)
    bytes_printf(to, "done\tunpacked: %s\n", unpack_name(task->unpack));
  if (e->config.check != CHECK_NONE)
    add(to, "done", checks[e->config.check]);
  if (gathering(e))
    add(to, "done", "gathered in a shard");
  if (task->exec != NULL)
    add(to, "done", "its program runs");
  else if (e->config.exec != NULL)
    add(to, "done", "handed to the program of --exec");
}

const char *look_text(struct engine *e) {
  struct look *look = &e->look;
  struct task *task = look->task != 0 ? find(e, look->task) : NULL;
  bytes_clear(&look->text);
  if (task == NULL)
    return "";
  const struct transfer *transfer = transfer_of(task);
  put_mirrors(&look->text, task);
  put_request(e, task, transfer);
  note_heads(look, transfer);
  if (look->heads.len > 0)
    bytes_add(&look->text, look->heads.data, look->heads.len);
  put_steps(e, task);
  bytes_add(&look->text, "", 1);
  return look->text.failed == 0 && look->text.len > 0 ? look->text.data : "";
}
