/* SPDX-License-Identifier: MIT
 *
 * Journal and counters, see faultd-journal.h. The server's only thread. The
 * file is written by blocks, between two iterations of the loop.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "faultd-buf.h"
#include "faultd-journal.h"

static int file = -1;
static struct buf pending;
static uint64_t next_id;

static struct {
  uint64_t begun, ended, bytes, connections, open, open_max, active_max;
  uint64_t status[600];
} stats;

int journal_open(const char *path) {
  file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return file < 0 ? -1 : 0;
}

void journal_flush(void) {
  size_t at = 0;

  while (at < pending.len) {
    ssize_t n = write(file, pending.data + at, pending.len - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      perror("faultd: journal");
      break;
    }
    at += (size_t)n;
  }
  buf_clear(&pending);
}

void journal_close(void) {
  journal_flush();
  buf_fini(&pending);
  if (file >= 0)
    close(file);
  file = -1;
}

static void add_member(struct buf *line, const char *name, const char *value) {
  buf_add(line, ",\"", 2);
  for (const char *p = name; *p; p++) {
    char c = *p == '"' || *p == '\\' ? '_' : (char)tolower((unsigned char)*p);
    buf_add(line, &c, 1);
  }
  buf_add(line, "\":", 2);
  buf_json(line, value);
}

static bool wanted(const char *name) {
  return strncasecmp(name, "X-", 2) == 0 || strcasecmp(name, "Host") == 0 ||
         strcasecmp(name, "Authorization") == 0 ||
         strcasecmp(name, "Cookie") == 0 || strcasecmp(name, "Range") == 0 ||
         strcasecmp(name, "User-Agent") == 0 ||
         strcasecmp(name, "Referer") == 0;
}

void journal_begin(struct buf *line, const struct request *req,
                   uint64_t connection, int64_t now_us) {
  stats.begun++;
  if (stats.begun - stats.ended > stats.active_max)
    stats.active_max = stats.begun - stats.ended;
  buf_clear(line);
  if (file < 0)
    return;
  buf_format(line, "{\"t\":%" PRId64 ",\"id\":%" PRIu64 ",\"conn\":%" PRIu64,
             now_us, ++next_id, connection);
  add_member(line, "method", req->method);
  add_member(line, "target", req->target);
  for (size_t i = 0; i < req->count; i++) {
    if (strcasecmp(req->header[i].name, "If-Range") == 0)
      add_member(line, "if_range", req->header[i].value);
    else if (wanted(req->header[i].name))
      add_member(line, req->header[i].name, req->header[i].value);
  }
}

void journal_end(struct buf *line, int status, int64_t sent, const char *how,
                 int64_t now_us) {
  stats.ended++;
  stats.bytes += (uint64_t)sent;
  stats.status[status > 0 && status < 600 ? status : 0]++;
  if (line->len == 0)
    return;
  buf_format(line,
             ",\"status\":%d,\"sent\":%" PRId64
             ",\"how\":\"%s\",\"end\":%" PRId64 "}\n",
             status, sent, how, now_us);
  buf_add(&pending, line->data, line->len);
  buf_clear(line);
}

void journal_connected(void) {
  stats.connections++;
  stats.open++;
  if (stats.open > stats.open_max)
    stats.open_max = stats.open;
}

void journal_disconnected(void) {
  stats.open--;
}

void journal_stats(struct buf *out) {
  const char *comma = "";

  buf_format(out,
             "{\"requests\":%" PRIu64 ",\"active\":%" PRIu64
             ",\"max_active\":%" PRIu64 ",\"connections\":%" PRIu64
             ",\"open\":%" PRIu64 ",\"max_open\":%" PRIu64 ",\"bytes\":%" PRIu64
             ",\"by_status\":{",
             stats.begun, stats.begun - stats.ended, stats.active_max,
             stats.connections, stats.open, stats.open_max, stats.bytes);
  for (int i = 0; i < 600; i++) {
    if (stats.status[i] == 0)
      continue;
    buf_format(out, "%s\"%d\":%" PRIu64, comma, i, stats.status[i]);
    comma = ",";
  }
  buf_text(out, "}}\n");
}

void journal_reset(void) {
  uint64_t active = stats.begun - stats.ended, open_now = stats.open;

  memset(&stats, 0, sizeof stats);
  stats.begun = stats.active_max = active;
  stats.open = stats.open_max = open_now;
}
