/* SPDX-License-Identifier: MIT
 *
 * --decompress: what becomes of a body that came packed, once it is whole and
 * has passed its steps. A small one is unpacked in memory; a large one, or
 * what unpacks to much, from NAME.part into NAME.unpack, which then takes the
 * place of NAME.part. So until the very end what has been fetched is there to
 * go on from, and nothing stands under NAME that was not unpacked whole.
 *
 * Thread: the loop's; the work is a cpu job in pieces.
 */
#ifndef SPATE_SINK_UNPACK_H
#define SPATE_SINK_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"
#include "unpack.h"

/* What the bodies of one job may come to in memory; others go the way of large
 * ones. */
#define UNPACK_ROOM ((size_t)8 << 20)
#define UNPACK_SMALL                                      \
  ((size_t)1 << 20) /* unpacked in memory up to this size \
                     */

struct block;
struct sink_job;
struct steps;

struct sink_unpack {
  struct job job; /* first: the pool's */
  /* set by the owner */
  enum unpack_kind kind; /* UNPACK_NONE: nothing is to be unpacked */
  struct unpack_limits limits;
  struct steps *steps; /* borrowed; may look at what comes out; NULL none */
  void (*ended)(struct sink_unpack *work);
  /* how it went */
  bool done;
  int code, saved_errno;
  int64_t bytes; /* that came out */
  /* private */
  struct sink_job *file;
  struct unpack *unpack;
  int in_fd, out_fd;
  char *in, *out;
  int64_t at;
  bool at_end;
  size_t room; /* that may come out in memory */
};

/* The piece is over and there is more to do: to be called again. */
#define SINK_UNPACK_AGAIN 1

/* In memory, in pieces of a job: 0 and *out (to be freed) with what came out,
 * or NULL there when it is more than work->room; or an error. *out is NULL at
 * first and not to be touched between two pieces. */
int sink_unpack_memory(struct sink_unpack *work, const struct block *in,
                       struct block **out, const struct job *job) MUST_CHECK;

/* NAME.part of the file job, which is whole: ended follows. On success the
 * file job stands on the new NAME.part. */
void sink_unpack_start(struct sink_unpack *work, struct pool *pool,
                       struct sink_job *file);

/* What runs ends at its next piece, with ERR_CLOSED. */
void sink_unpack_cancel(struct sink_unpack *work);

#endif
