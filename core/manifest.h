/* SPDX-License-Identifier: MIT
 *
 * The manifest reader: from blocks of bytes to tasks, in the forms that
 * spate-manifest(5) describes.
 *
 * The caller puts bytes where manifest_space() says (a file read lands in
 * place, nothing is copied but the tail of a cut record) and takes lines until
 * there is none left. A format is a function that takes one record out of the
 * buffer; what it points to lives until the next call. A record is the same
 * whatever the blocks it comes in, and can be read again from its offset, so
 * that no state but a table's header outlives it (manifest_head()).
 *
 * Foreign bytes: a record over MANIFEST_LINE_CAP, one that is not of its form
 * or without a usable URL is a bad line, with a sentence why; it never stops
 * the reader. Names that are not known are passed over and told of once each
 * (manifest_warning()).
 *
 * Pure; any one thread at a time.
 */
#ifndef SPATE_MANIFEST_H
#define SPATE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fields.h"

#ifdef SPATE_FUZZING
#define MANIFEST_LINE_CAP ((size_t)2 * 1024)
#define MANIFEST_BLOCK ((size_t)4 * 1024)
#else
#define MANIFEST_LINE_CAP ((size_t)64 * 1024)
#define MANIFEST_BLOCK ((size_t)256 * 1024)
#endif

/* The object of a line that cannot be used: equal for all of them, so that a
 * bad line that was put right does not make another manifest. */
#define OBJECT_BAD UINT64_C(0)

struct manifest_line {
  const char *url;
  const char *out;       /* NULL: none given */
  const char *dir;       /* directory for the output; NULL: none given */
  int64_t deadline_unix; /* may start before it; INT64_MAX: not said */
  int32_t priority;      /* larger ones go first; 0 is usual */
  const struct task_fields *fields; /* NULL: the line says nothing else */
  const char *why;    /* NULL: a good line; else what is wrong with it */
  bool starved;       /* that there was no memory to read it */
  uint64_t object;    /* digest of what it fetches and where to: the URL without
                         query, name, directory, method and body */
  uint64_t line;      /* from 1; the first one where a record has several */
  uint64_t next_line; /* the number of the one behind it */
  uint64_t end;       /* byte offset behind it, its newline included */
};

struct manifest;
struct manifest_record;

struct manifest_format {
  const char *name;
  /* 1 and a line, or 0: more bytes are needed. Skips what is no task. */
  int (*next)(struct manifest *manifest, struct manifest_line *line);
  bool table; /* its first row names the columns */
};

/* manifest_auto becomes one of the others at the first line it gives. */
extern const struct manifest_format manifest_auto, manifest_text,
    manifest_aria2, manifest_jsonl, manifest_csv, manifest_tsv;

/* NULL: there is none of that name. */
const struct manifest_format *manifest_format_named(const char *name);

/* The format of a manifest by its first bytes; NULL: more are needed (never
 * when it is whole or length is MANIFEST_BLOCK). Blank lines and # comments
 * aside, the first line decides:
 *   - it begins with { or [: jsonl;
 *   - it is a row with a cell that says url or urls (any case): csv with
 *     commas, tsv with tabs between the cells;
 *   - it has a URL with "://": aria2 if another one follows behind a tab, or
 *     an indented name=value line follows it, else text;
 *   - otherwise the file's name: .jsonl .ndjson .json, .csv, .tsv .tab or
 *     .aria2, below a .gz or .zst; else text. */
const struct manifest_format *manifest_detect(const char *data, size_t length,
                                              bool whole, const char *name);

#define MANIFEST_COLUMNS 128
#define MANIFEST_NAMES 32
#define MANIFEST_NAME 40

struct manifest {
  const struct manifest_format *format;
  /* private */
  const char *hint; /* borrowed; a file's name, or NULL */
  char *buf;
  size_t head, tail, scanned; /* unread bytes are buf[head..tail) */
  uint64_t offset;            /* of buf[head] in the source */
  uint64_t line;              /* number of the line at head */
  bool skipping;              /* inside a line that is too long */
  bool ended;
  bool hurried;                   /* see manifest_hurry() */
  struct manifest_record *record; /* taken; what a line's fields stand in */
  int columns;                    /* of a table; 0: its header is not known */
  unsigned char column[MANIFEST_COLUMNS]; /* the field that each one holds */
  unsigned names, names_told;             /* that are not known */
  char name[MANIFEST_NAMES][MANIFEST_NAME];
  char why[256];
};

int manifest_init(struct manifest *manifest,
                  const struct manifest_format *format) MUST_CHECK;
void manifest_fini(struct manifest *manifest);

/* Another file is read from here on. hint (borrowed, NULL none) is its name,
 * for manifest_auto. */
void manifest_use(struct manifest *manifest,
                  const struct manifest_format *format, const char *hint);

/* Forgets what is buffered: the next byte put in stands at this offset and
 * begins the line of this number. */
void manifest_seek(struct manifest *manifest, uint64_t offset, uint64_t line);

/* Where the next bytes belong: at most *room of them, MANIFEST_BLOCK or a bit
 * more; NULL while too much is unread. Moves what is unread, so lines taken
 * before are void. */
char *manifest_space(struct manifest *manifest, size_t *room);
void manifest_filled(struct manifest *manifest, size_t bytes);

/* Nothing comes after this: the last line needs no newline. */
void manifest_end(struct manifest *manifest);

/* Nothing more has come for a while. Where whole lines are there and only the
 * format is open, for it might show in the next one, these decide: true, and
 * manifest_next() has something to say. */
bool manifest_hurry(struct manifest *manifest);

int manifest_next(struct manifest *manifest, struct manifest_line *line);

/* The offset of the next unread byte, and of the next one to put in. */
uint64_t manifest_offset(const struct manifest *manifest);
uint64_t manifest_wants(const struct manifest *manifest);
/* The number of the next line. */
uint64_t manifest_line_number(const struct manifest *manifest);

/* A table is read from its middle, but its header is not known: seek to 0,
 * read it with manifest_head(), then seek to where to go on. */
bool manifest_lacks_head(const struct manifest *manifest);

/* Takes a table's header from the very beginning: 1 it is known now, 0 more
 * bytes are needed, ERR_SYNTAX: what manifest_why() says. */
int manifest_head(struct manifest *manifest) MUST_CHECK;
const char *manifest_why(const struct manifest *manifest);

/* Writes a sentence about the next name that is not known; false: none. */
bool manifest_warning(struct manifest *manifest, char *text, size_t cap);

/* Reads one line of a text manifest (without its newline; changed in place).
 * Returns false for a blank line or a comment. */
bool manifest_parse_text(char *text, size_t length, struct manifest_line *line);

#endif
