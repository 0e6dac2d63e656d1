/* SPDX-License-Identifier: MIT
 *
 * Sources: what lines come from, and how a manifest file is known again.
 *
 * Identity of a file: size, time of change and a digest of about twenty
 * sampled blocks (the first, the last and some between), so that a manifest
 * of 13 GB is recognised without reading it.
 *
 * Blocking; the starting thread.
 */
#ifndef SPATE_SOURCE_H
#define SPATE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"
#include "err.h"
#include "manifest.h"

#define SOURCE_DIGEST 32 /* SHA-256 */

enum source_kind { SOURCE_FILE, SOURCE_STREAM, SOURCE_ARGS };

struct source_identity {
  int64_t size, mtime_ns;
  uint8_t digest[SOURCE_DIGEST];
};

struct source {
  uint32_t id;
  enum source_kind kind;
  char *path; /* taken; of a file, packed ones included: absolute; "" none */
  const struct manifest_format *format;
  struct source_identity identity;
  uint64_t first_object;   /* of its first good line; 0 not known yet */
  uint32_t spool;          /* where lines not seen yet come from; 0 = path */
  bool received;           /* a stream: its end was seen; else true */
  int fault;               /* why it came in no further; 0 none */
  bool ended;              /* read to its end */
  uint64_t tasks;          /* task lines known, bad ones included */
  uint64_t bytes;          /* read so far */
  uint32_t chunks;         /* rows in the database or about to be */
  struct chunk_place tail; /* behind the last chunk; lines and bytes unused */
  struct order order;      /* of its chunks; while it runs */
  /* of this run */
  bool dirty;            /* its row has to be written */
  bool gone;             /* merged into another: its row has to go */
  bool merging;          /* to be compared with what is known, first */
  bool visited;          /* the feed is through with it */
  uint64_t limit;        /* of command lines: nothing is read beyond it */
  bool more;             /* lines were added while it was being read */
  bool cut;              /* it ended too early; that was told */
  bool index;            /* it is to be read ahead of delivery */
  bool index_all;        /* and not its first chunk alone */
  bool indexed;          /* that was done, or cannot be */
  bool checked;          /* its identity was compared in this run */
  int in_fd;             /* a stream to be received; -1 none (borrowed) */
  bool fd_owned;         /* in_fd is closed with the session */
  struct spool *spooler; /* taken; NULL: nothing is being received */
};

/* What a person calls it: a path, "standard input" or "command line". */
const char *source_name(const struct source *source);

/* How many tasks it has in all, by the length of its lines while it is not
 * read to its end; -1 unknown. */
int64_t source_guess(const struct source *source);

const char *source_kind_name(enum source_kind kind);
enum source_kind source_kind_parse(const char *name);

int source_identify(int fd, struct source_identity *identity) MUST_CHECK;
bool source_same(const struct source_identity *a,
                 const struct source_identity *b);

/* A 64-bit digest of this boot's id; 0 unknown. text gets it in clear (at
 * most cap bytes; "unknown"). */
uint64_t boot_id(char *text, size_t cap);

#endif
