/* SPDX-License-Identifier: MIT
 *
 * The `csv` format (RFC 4180: commas, cells in quotes may hold commas, quotes
 * twice and line breaks) and `tsv` (tabs, no quotes). The first row names the
 * columns; blank rows are passed over.
 *
 * A quote that is never closed costs one line, not the rest of the manifest:
 * reading goes on behind the line's end. Pure.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "manifest_impl.h"

#define SHOWN_COLUMNS 160

/* ---- rows -------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_LONG, FAULT_OPEN };

struct row {
  size_t bytes; /* its newline included */
  uint64_t newlines;
  enum fault fault;
};

static char separator_of(const struct manifest *m) {
  return m->format == &manifest_tsv ? '\t' : ',';
}

/* Where a quoted cell ends that begins at `at`, behind its closing quote; NULL:
 * not before end. */
static const char *skip_quoted(const char *at, const char *end) {
  for (at++;; at += 2) {
    at = memchr(at, '"', (size_t)(end - at));
    if (at == NULL || at + 1 >= end || at[1] != '"')
      return at == NULL ? NULL : at + 1;
  }
}

/* The end of a row's cell: a separator, a newline or end. */
static const char *skip_plain(const char *at, const char *end, char separator) {
  while (at < end && *at != separator && *at != '\n')
    at++;
  return at;
}

/* 1, or 0: more bytes are needed. */
static int find_row(const struct manifest *m, struct row *row) {
  const char *start = m->buf + m->head, *end = m->buf + m->tail, *at = start;
  const char *limit = start + MANIFEST_LINE_CAP + 1;
  const char *seen = end < limit ? end : limit;
  char separator = separator_of(m);
  bool open = false;
  *row = (struct row){0, 0, FAULT_NONE};
  while (at < seen) {
    if (separator == ',' && *at == '"') {
      const char *behind = skip_quoted(at, seen);
      open = behind == NULL || (behind == end && !m->ended);
      if (open)
        break;
      at = behind;
    }
    at = skip_plain(at, seen, separator);
    if (at < seen && *at++ == '\n')
      break;
  }
  if (end >= limit && (open || at == limit)) {
    row->fault = open ? FAULT_OPEN : FAULT_LONG;
    return 1;
  }
  bool complete = !open && at > start && at[-1] == '\n';
  if (!complete && !m->ended)
    return 0;
  if (open) {
    row->fault = FAULT_OPEN;
    return 1;
  }
  row->bytes = (size_t)(at - start);
  for (const char *p = start; p < at; p++)
    row->newlines += *p == '\n';
  return at > start;
}

/* ---- cells ------------------------------------------------------------- */

/* Takes the cell at *at and moves behind its separator; last: it was the
 * row's last one. Unquotes in place. */
static int take_cell(struct manifest *m, char **at, char *end,
                     struct manifest_value *cell, bool *last) {
  char separator = separator_of(m);
  char *text = *at, *to = *at, *from = *at;
  if (separator == ',' && from < end && *from == '"') {
    for (from++; from < end; *to++ = *from++)
      if (*from == '"' && (from + 1 >= end || *++from != '"'))
        break;
    if (from + 1 == end && *from == '"')
      from++;
    if (from < end && *from != separator)
      return manifest__fault(m, "something stands behind a closing quote");
  } else {
    char *stop = memchr(from, separator, (size_t)(end - from));
    to = from = stop != NULL ? stop : end;
    if (separator == ',' && memchr(text, '"', (size_t)(to - text)) != NULL)
      return manifest__fault(m, "a quote within a cell that has none around");
  }
  *last = from == end;
  *at = from + 1;
  *to = '\0';
  *cell = (struct manifest_value){text, (size_t)(to - text)};
  return 0;
}

static struct manifest_value trim(struct manifest_value value) {
  while (value.length > 0 && manifest__is_blank(*value.text)) {
    value.text++;
    value.length--;
  }
  while (value.length > 0 && manifest__is_blank(value.text[value.length - 1]))
    value.length--;
  return value;
}

/* ---- the header -------------------------------------------------------- */

static int no_url(struct manifest *m, const char *columns) {
  m->columns = -1;
  return manifest__fault(
      m, "no column is called url (or urls); the columns are: %s", columns);
}

static int take_columns(struct manifest *m, char *at, char *end) {
  char shown[SHOWN_COLUMNS] = "";
  size_t used = 0;
  bool last = false, has_url = false;
  m->columns = 0;
  while (!last) {
    struct manifest_value cell;
    int rc = take_cell(m, &at, end, &cell, &last);
    if (rc < 0 || m->columns == MANIFEST_COLUMNS) {
      m->columns = -1;
      return rc < 0
                 ? rc
                 : manifest__fault(m, "more than %d columns", MANIFEST_COLUMNS);
    }
    cell = trim(cell);
    enum manifest_field field = manifest__field(cell.text, cell.length);
    has_url |= field == FIELD_URL || field == FIELD_URLS;
    if (field == FIELD_NONE && cell.length > 0)
      manifest__unknown(m, cell.text, cell.length);
    m->column[m->columns] = (unsigned char)field;
    if (used < sizeof shown)
      used += (size_t)snprintf(shown + used, sizeof shown - used, "%s%.*s",
                               m->columns > 0 ? ", " : "", (int)cell.length,
                               cell.text);
    m->columns++;
  }
  return has_url ? 1 : no_url(m, shown);
}

static int bad_header(struct manifest *m, enum fault fault) {
  m->columns = -1;
  return manifest__fault(m, "the header is %s",
                         fault == FAULT_OPEN ? "cut off: a quote is not closed"
                                             : "longer than 64 KB");
}

static char *take_row(struct manifest *m, const struct row *row, char **end) {
  char *text = m->buf + m->head;
  manifest__take(m, row->bytes, row->newlines);
  *end = text + row->bytes;
  if (*end > text && (*end)[-1] == '\n')
    (*end)--;
  if (*end > text && (*end)[-1] == '\r')
    (*end)--;
  return text;
}

static bool is_blank_row(const char *text, const char *end) {
  while (text < end && (*text == ' ' || *text == '\r'))
    text++;
  return text == end;
}

/* At the very beginning. */
int manifest_head(struct manifest *m) {
  struct row row;
  char *text, *end;
  if (m->offset == 0 && m->tail - m->head < 3 && !m->ended)
    return 0;
  if (m->offset == 0 && m->tail - m->head >= 3 &&
      memcmp(m->buf + m->head, "\xef\xbb\xbf", 3) == 0)
    manifest__take(m, 3, 0);
  do {
    if (find_row(m, &row) == 0)
      return m->ended ? no_url(m, "none: it is empty") : 0;
    if (row.fault != FAULT_NONE)
      return bad_header(m, row.fault);
    text = take_row(m, &row, &end);
  } while (is_blank_row(text, end));
  return take_columns(m, text, end);
}

/* ---- the reader -------------------------------------------------------- */

static int parse(struct manifest *m, struct manifest_line *line, char *at,
                 char *end) {
  int count = 0;
  for (bool last = false; !last; count++) {
    struct manifest_value cell;
    int rc = take_cell(m, &at, end, &cell, &last);
    if (rc == 0 && count < m->columns)
      rc = manifest__set(m, line, (enum manifest_field)m->column[count], cell);
    if (rc < 0)
      return rc;
  }
  if (count == m->columns)
    return 0;
  return manifest__fault(m, "%d cells, the header has %d", count, m->columns);
}

static int bad_row(struct manifest *m, struct manifest_line *line,
                   enum fault fault) {
  char *text;
  bool cut_short;
  if (manifest__cut(m, &text, &cut_short) < 0)
    return 0;
  line->next_line = m->line;
  line->end = m->offset;
  manifest__too_long(line);
  if (fault == FAULT_OPEN && !cut_short)
    line->why = "a quote is opened and not closed within 64 KB";
  return 1;
}

/* Without a header nothing that follows means anything: one bad line. */
static int headless(struct manifest *m, struct manifest_line *line) {
  m->offset += m->tail - m->head;
  m->head = m->scanned = m->tail;
  if (m->columns == -2)
    return 0;
  m->columns = -2;
  manifest__begin(m, line);
  line->line = 1;
  line->next_line = m->line;
  return manifest__bad(line, m->why);
}

static int table_next(struct manifest *m, struct manifest_line *line) {
  struct row row;
  if (m->columns == 0) {
    int rc = manifest_head(m);
    if (rc == 0)
      return 0;
  }
  if (m->columns < 0)
    return headless(m, line);
  for (;;) {
    manifest__record(m, line);
    if (m->skipping)
      return bad_row(m, line, FAULT_LONG);
    if (find_row(m, &row) == 0)
      return 0;
    if (row.fault != FAULT_NONE)
      return bad_row(m, line, row.fault);
    char *end, *text = take_row(m, &row, &end);
    line->next_line = m->line;
    line->end = m->offset;
    if (!is_blank_row(text, end))
      return manifest__close(m, line, parse(m, line, text, end));
  }
}

const struct manifest_format manifest_csv = {"csv", table_next, true};
const struct manifest_format manifest_tsv = {"tsv", table_next, true};
