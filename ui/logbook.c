/* SPDX-License-Identifier: MIT
 *
 * snapshot.log_lines tells how many of a snapshot's lines are new.
 */
#include "config.h"

#include "logbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void logbook_init(struct logbook *book) {
  memset(book, 0, sizeof *book);
  book->level = LOG_INFO;
}

void logbook_fini(struct logbook *book) {
  for (size_t i = 0; i < book->count; i++)
    free(book->line[(book->head + i) % LOGBOOK_LINES].text);
  free(book->line);
  memset(book, 0, sizeof *book);
}

static void add(struct logbook *book, const struct logbook_line *line,
                const char *text) {
  char *copy = strdup(text);
  if (copy == NULL)
    return;
  size_t at = (book->head + book->count) % LOGBOOK_LINES;
  if (book->count == LOGBOOK_LINES) {
    free(book->line[book->head].text);
    book->head = (book->head + 1) % LOGBOOK_LINES;
  } else {
    book->count++;
  }
  book->line[at] = *line;
  book->line[at].text = copy;
}

void logbook_take(struct logbook *book, const struct snapshot *snap) {
  if (snap->log_lines == book->seen)
    return;
  if (book->line == NULL)
    book->line = calloc(LOGBOOK_LINES, sizeof *book->line);
  if (book->line == NULL)
    return;
  uint64_t fresh =
      snap->log_lines > book->seen ? snap->log_lines - book->seen : 0;
  size_t take = fresh < snap->log_count ? (size_t)fresh : snap->log_count;
  if (fresh > take && book->seen > 0) {
    char text[80];
    struct logbook_line gap = {
        .unix_ms = snap->log_count > 0 ? snap->log[0].unix_ms : snap->unix_ms,
        .level = LOG_WARN};
    snprintf(text, sizeof text, "%llu lines went by too fast to be shown",
             (unsigned long long)(fresh - take));
    add(book, &gap, text);
  }
  for (size_t i = snap->log_count - take; i < snap->log_count; i++) {
    const struct snap_log *from = &snap->log[i];
    struct logbook_line line = {from->unix_ms, from->level, from->task, NULL};
    add(book, &line, from->text);
  }
  book->seen = snap->log_lines;
}

static bool wanted(const struct logbook *book,
                   const struct logbook_line *line) {
  if (line->level < book->level)
    return false;
  if (book->task != 0 && line->task != book->task)
    return false;
  return book->filter[0] == '\0' ||
         strcasestr(line->text, book->filter) != NULL;
}

size_t logbook_count(const struct logbook *book) {
  size_t count = 0;
  for (size_t i = 0; i < book->count; i++)
    count += wanted(book, &book->line[(book->head + i) % LOGBOOK_LINES]);
  return count;
}

const struct logbook_line *logbook_at(const struct logbook *book, size_t n) {
  for (size_t i = 0; i < book->count; i++) {
    const struct logbook_line *line =
        &book->line[(book->head + i) % LOGBOOK_LINES];
    if (wanted(book, line) && n-- == 0)
      return line;
  }
  return NULL;
}
