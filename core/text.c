/* SPDX-License-Identifier: MIT
 *
 * text_clip() and the figures for people.
 *
 * The text is read as glyphs: what one code point (or one invalid byte) turns
 * into. The output never ends within a glyph, and the place where an ellipsis
 * would still fit is remembered while it grows, so that one pass is enough
 * unless the middle is clipped. Pure; any thread.
 */
#include "config.h"

#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#define MARKS_MOST 2

enum glyph_kind { GLYPH_DROPPED, GLYPH_MARK, GLYPH_BASE };

struct glyph {
  const char *bytes; /* borrowed: the source or a literal */
  uint8_t len, width;
  enum glyph_kind kind;
};

/* Letters without a shape of their own, which Unicode calls default ignorable
 * though their category is a letter's or a mark's. */
static bool is_invisible(int32_t c) {
  return c == 0x034f || (c >= 0x115f && c <= 0x1160) ||
         (c >= 0x17b4 && c <= 0x17b5) || (c >= 0x180b && c <= 0x180f) ||
         c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xffa0 ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

/* Vowels and finals of Hangul that join the syllable before them: file names
 * from macOS are spelled that way. */
static bool is_joining_jamo(int32_t c) {
  return (c >= 0x1161 && c <= 0x11ff) || (c >= 0xd7b0 && c <= 0xd7c6) ||
         (c >= 0xd7cb && c <= 0xd7fb);
}

/* Narrow in one table and wide in another: ncurses and the terminal might
 * disagree about them, and a row would shift. */
static bool is_disputed(int32_t c) {
  return (c >= 0x3248 && c <= 0x324f) || (c >= 0x4dc0 && c <= 0x4dff);
}

static enum glyph_kind classify(int32_t c, uint8_t *width, bool *bad) {
  *bad = false;
  if (is_invisible(c))
    return GLYPH_DROPPED;
  if (is_joining_jamo(c)) {
    *width = 0;
    return GLYPH_MARK;
  }
  switch (utf8proc_category(c)) {
  case UTF8PROC_CATEGORY_MC: /* spacing marks; utf8proc says 0 cells */
    *width = 1;
    return GLYPH_BASE;
  case UTF8PROC_CATEGORY_CF: /* bidi and zero-width controls, soft hyphen */
    return GLYPH_DROPPED;
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_ME:
    *width = 0;
    return GLYPH_MARK;
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    *bad = true;
    return GLYPH_BASE;
  default:
    break;
  }
  int cells = utf8proc_charwidth(c);
  /* No cell and not a mark: what a terminal makes of it is anybody's guess. */
  *bad = cells < 1 || cells > 2 || is_disputed(c);
  *width = (uint8_t)cells;
  return GLYPH_BASE;
}

/* Reads one glyph from s (len > 0); returns the bytes it was made of. */
static size_t next_glyph(const unsigned char *s, size_t len, unsigned flags,
                         struct glyph *g) {
  g->bytes = (const char *)s;
  g->len = g->width = 1;
  g->kind = GLYPH_BASE;
  if (*s >= 0x20 && *s < 0x7f)
    return 1;
  int32_t c = -1;
  utf8proc_ssize_t size = -1;
  bool bad = true;
  if (*s >= 0x80)
    size = utf8proc_iterate(s, len < 4 ? (utf8proc_ssize_t)len : 4, &c);
  if (size > 0) {
    g->kind = classify(c, &g->width, &bad);
    g->len = (uint8_t)size;
  }
  if (flags & TEXT_ASCII) {
    if (g->kind == GLYPH_MARK)
      g->kind = GLYPH_DROPPED;
    bad = true;
  }
  if (bad && g->kind == GLYPH_BASE) {
    g->bytes = flags & TEXT_ASCII ? "?" : "\xef\xbf\xbd";
    g->len = flags & TEXT_ASCII ? 1 : 3;
    g->width = 1;
  }
  return size > 0 ? (size_t)size : 1;
}

struct clip {
  char *dst;
  size_t room, len; /* bytes, the NUL not counted */
  int limit, cells; /* limit < 0: none */
  int marks;        /* on the last base; -1: no base yet */
  unsigned flags;
  /* The last end at which an ellipsis still fits. */
  size_t cut_len;
  int cut_cells;
  bool can_cut;
};

static const char *ellipsis(unsigned flags) {
  return flags & TEXT_ASCII ? "~" : "\xe2\x80\xa6";
}

static void remember_cut(struct clip *c) {
  if (c->limit >= 0 && c->cells + 1 > c->limit)
    return;
  if (c->len + strlen(ellipsis(c->flags)) > c->room)
    return;
  c->cut_len = c->len;
  c->cut_cells = c->cells;
  c->can_cut = true;
}

static void put_bytes(struct clip *c, const char *bytes, size_t len,
                      int width) {
  memcpy(c->dst + c->len, bytes, len);
  c->len += len;
  c->cells += width;
}

/* False: it does not fit. */
static bool put_glyph(struct clip *c, const struct glyph *g) {
  if (g->kind == GLYPH_DROPPED)
    return true;
  if (g->kind == GLYPH_MARK && c->marks >= 0) {
    if (c->marks < MARKS_MOST && c->len + g->len <= c->room) {
      put_bytes(c, g->bytes, g->len, 0);
      c->marks++;
    }
    return true;
  }
  struct glyph alone = {"\xef\xbf\xbd", 3, 1, GLYPH_BASE};
  if (g->kind == GLYPH_MARK) /* a mark on nothing would join what is before */
    g = &alone;
  remember_cut(c);
  if ((c->limit >= 0 && c->cells + g->width > c->limit) ||
      c->len + g->len > c->room)
    return false;
  put_bytes(c, g->bytes, g->len, g->width);
  c->marks = 0;
  return true;
}

/* True when all of src fitted. */
static bool put_text(struct clip *c, const char *src, size_t len) {
  const unsigned char *s = (const unsigned char *)src;
  c->marks = -1;
  while (len > 0) {
    struct glyph g;
    size_t used = next_glyph(s, len, c->flags, &g);
    if (!put_glyph(c, &g))
      return false;
    s += used;
    len -= used;
  }
  return true;
}

static void cut_here(struct clip *c) {
  if (!c->can_cut)
    return; /* no room for an ellipsis even: what fitted stays */
  c->len = c->cut_len;
  c->cells = c->cut_cells;
  put_bytes(c, ellipsis(c->flags), strlen(ellipsis(c->flags)), 1);
}

/* Where the part of src begins that leaves out at least `skip` cells. */
static size_t skip_cells(const char *src, size_t len, int skip,
                         unsigned flags) {
  size_t at = 0;
  while (at < len) {
    struct glyph g;
    size_t used =
        next_glyph((const unsigned char *)src + at, len - at, flags, &g);
    if (skip <= 0 && g.kind == GLYPH_BASE)
      break;
    if (g.kind == GLYPH_BASE)
      skip -= g.width;
    at += used;
  }
  return at;
}

static void clip_middle(struct clip *c, const char *src, size_t len,
                        int whole) {
  int limit = c->limit, head = (limit - 1) / 2, tail = limit - 1 - head;
  c->limit = head;
  put_text(c, src, len);
  c->limit = limit;
  c->can_cut = false;
  remember_cut(c);
  if (!c->can_cut)
    return;
  cut_here(c);
  size_t from = skip_cells(src, len, whole - tail, c->flags);
  put_text(c, src + from, len - from);
}

static void pad(struct clip *c) {
  size_t fill = c->limit > c->cells ? (size_t)(c->limit - c->cells) : 0;
  if (fill > c->room - c->len)
    fill = c->room - c->len;
  char *at = c->dst + c->len;
  if (c->flags & TEXT_RIGHT) {
    memmove(c->dst + fill, c->dst, c->len);
    at = c->dst;
  }
  memset(at, ' ', fill);
  c->len += fill;
  c->cells += (int)fill;
}

int text_width(const char *src, size_t len, unsigned flags) {
  const unsigned char *s = (const unsigned char *)src;
  bool based = false;
  int cells = 0;
  if (len == TEXT_WHOLE)
    len = strlen(src);
  while (len > 0) {
    struct glyph g;
    size_t used = next_glyph(s, len, flags, &g);
    if (g.kind == GLYPH_BASE || (g.kind == GLYPH_MARK && !based)) {
      cells += g.kind == GLYPH_BASE ? g.width : 1;
      based = true;
    }
    s += used;
    len -= used;
  }
  return cells;
}

size_t text_clip(char *dst, size_t cap, const char *src, size_t len, int cells,
                 unsigned flags, int *used) {
  if (used)
    *used = 0;
  if (cap == 0)
    return 0;
  if (len == TEXT_WHOLE)
    len = strlen(src);
  struct clip c = {.dst = dst, .room = cap - 1, .limit = cells, .flags = flags};
  int whole = -1;
  if ((flags & TEXT_MIDDLE) && cells > 2)
    whole = text_width(src, len, flags);
  if (whole > cells)
    clip_middle(&c, src, len, whole);
  else if (!put_text(&c, src, len))
    cut_here(&c);
  if ((flags & TEXT_PAD) && cells >= 0)
    pad(&c);
  dst[c.len] = '\0';
  if (used)
    *used = c.cells;
  return c.len;
}

/* ---- figures --------------------------------------------------------------
 */

/* Three significant digits and a unit letter; value < 1023.5 of its unit. The
 * decimal point must not depend on the locale, hence no %f. */
static void put_scaled(char *buf, size_t cap, double value, char unit) {
  if (value < 9.995) {
    long n = lround(value * 100);
    snprintf(buf, cap, "%ld.%02ld%c", n / 100, n % 100, unit);
  } else if (value < 99.95) {
    long n = lround(value * 10);
    snprintf(buf, cap, "%ld.%ld%c", n / 10, n % 10, unit);
  } else {
    snprintf(buf, cap, "%ld%c", lround(value), unit);
  }
}

char *text_bytes(char *buf, size_t cap, int64_t bytes) {
  double value = (double)bytes / 1024;
  const char *unit = "kMGTPE";
  if (bytes < 0) {
    snprintf(buf, cap, "-");
    return buf;
  }
  if (bytes < 1024) {
    snprintf(buf, cap, "%d", (int)bytes);
    return buf;
  }
  while (value >= 1023.5 && unit[1]) {
    value /= 1024;
    unit++;
  }
  put_scaled(buf, cap, value, *unit);
  return buf;
}

char *text_rate(char *buf, size_t cap, double bytes_per_s) {
  char number[TEXT_NUMBER_CAP];
  int64_t whole = -1;
  if (bytes_per_s >= 0 && bytes_per_s < 0x1p62)
    whole = (int64_t)llround(bytes_per_s);
  text_bytes(number, sizeof number, whole);
  snprintf(buf, cap, whole < 0 ? "%s" : "%s/s", number);
  return buf;
}

char *text_count(char *buf, size_t cap, uint64_t count) {
  double value = (double)count / 1000;
  const char *unit = "kMGTPE";
  if (count < 100000) {
    snprintf(buf, cap, "%u", (unsigned)count);
    return buf;
  }
  while (value >= 999.5 && unit[1]) {
    value /= 1000;
    unit++;
  }
  put_scaled(buf, cap, value, *unit);
  return buf;
}

char *text_duration(char *buf, size_t cap, int64_t seconds) {
  int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (seconds < 0)
    snprintf(buf, cap, "-");
  else if (hours < 48)
    snprintf(buf, cap, "%02d:%02d:%02d", (int)hours, (int)(minutes % 60),
             (int)(seconds % 60));
  else if (days < 1000)
    snprintf(buf, cap, "%dd %02dh", (int)days, (int)(hours % 24));
  else if (days < 100 * 365)
    snprintf(buf, cap, "%dy %dd", (int)(days / 365), (int)(days % 365));
  else
    snprintf(buf, cap, ">99y");
  return buf;
}
