/* SPDX-License-Identifier: MIT
 *
 * A tap: the blocks of a large body go through its steps (steps.h) on the
 * pool while other jobs write them to the disk.
 *
 * Steps need the bytes in order from the first. The tap takes each block that
 * goes on where it stands and lets all others pass; at the end it reads what
 * passed it by back from the file: the beginning that an earlier attempt left,
 * or all behind the first gap of a body that came in segments. So a body that
 * comes in order is never read again, and any other is right all the same.
 *
 * A block that the tap took has one holder more (block.holders) until it is
 * handed back through passed.
 *
 * Thread: the loop's; its job touches only its own chain, the steps and the
 * file it reads.
 */
#ifndef SPATE_TAP_H
#define SPATE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"
#include "steps.h"

struct block;

struct tap {
  /* set by tap_init */
  struct job job;
  struct pool *pool;
  struct steps *steps; /* borrowed; NULL: the tap takes nothing */
  /* The blocks of a chain (by tap_next) are not needed any more. */
  void (*passed)(struct tap *tap, struct block *chain);
  /* After tap_finish(): code says how it went. */
  void (*ended)(struct tap *tap);
  /* read only */
  unsigned waiting; /* blocks taken and not begun */
  bool running;     /* the job is on the pool: nothing may be freed */
  int code, saved_errno;
  /* private */
  struct block *first, *last; /* taken and not begun */
  struct block *used;         /* handed to the job, from the first on */
  struct block *chain;        /* of used: not fed yet */
  size_t block_at;            /* of the first of them: so much is */
  int64_t next;               /* the offset it takes next */
  int64_t size;               /* of the whole, from tap_finish() */
  bool finishing, cut, closed;
  bool over; /* the job at hand is the last one */
  int dirfd, fd;
  const char *name; /* the file to read back is NAME.part ... */
  bool named;       /* ... or NAME */
  char *buffer;
};

/* task is whom the job is named after. */
void tap_init(struct tap *tap, struct pool *pool, struct steps *steps,
              uint64_t task);
/* Closes and frees; not while it runs. */
void tap_fini(struct tap *tap);

/* True when it holds the block as well from now on. */
bool tap_take(struct tap *tap, struct block *block);

/* Would it have to read something of a body of that size back? Then the file
 * must be written before tap_finish(). */
bool tap_must_read(const struct tap *tap, int64_t size);

/* It takes no block any more. */
void tap_close(struct tap *tap);

/* Every byte was given: ended follows, never from inside this call. The file
 * to read is NAME.part; name is borrowed until then. */
void tap_finish(struct tap *tap, int64_t size, int dirfd, const char *name);

/* The same for a file that has its NAME already, all of which is read. */
void tap_read(struct tap *tap, int64_t size, int dirfd, const char *name);

/* Nothing more is wanted: drops what waits. While it runs ended follows when
 * the job has let go, else nothing does. */
void tap_cut(struct tap *tap);

#endif
