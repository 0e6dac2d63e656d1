/* SPDX-License-Identifier: MIT
 *
 * Steps: what is done with the bytes of one body as they pass: digests that
 * are recorded or compared, and a look whether the body is well formed.
 *
 * A body is fed in order from its first byte. What comes out of order or was
 * kept from an earlier attempt is fed when it is read back (tap.h).
 *
 * Where digests of pieces are known they say which bytes of a wrong body are
 * the wrong ones. When there is a digest of the whole they are computed only
 * after that one did not agree, in a second look at all bytes; without one they
 * are what the body is compared with.
 *
 * Thread: made, asked and freed on the loop's; feed and end on one pool
 * thread at a time.
 */
#ifndef SPATE_STEPS_H
#define SPATE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "ranges.h"
#include "unpack.h"

#define STEPS_EXPECTED 4
#define STEPS_WHY 400

enum body_check { CHECK_NONE, CHECK_JSON, CHECK_GZIP, BODY_CHECKS };

/* "json"; and back: -1 for what is none. */
const char *body_check_name(enum body_check check);
int body_check_find(const char *name);

struct steps_plan {
  enum digest_type record; /* a digest to be computed in any case */
  /* Digests that the body must have, and whose word that is ("the checksum",
   * "the Digest header"; literals). */
  struct digest expected[STEPS_EXPECTED];
  const char *whose[STEPS_EXPECTED];
  unsigned expected_count;
  const char *pieces;    /* see pieces.h; borrowed for steps_new(); NULL none */
  int64_t size;          /* of the body they are for */
  bool mend;             /* good pieces of a bad body are of use */
  enum body_check check; /* what the body must be */
  /* It is unpacked afterwards: then JSON is what must come out of it. */
  enum unpack_kind unpack;
  struct unpack_limits unpack_limits;
};

struct steps;

/* Does the plan ask for anything? */
bool steps_wanted(const struct steps_plan *plan);

/* One more digest to compare; what finds no room is the least needed. */
void steps_expect(struct steps_plan *plan, const struct digest *digest,
                  const char *whose);

/* ERR_NOMEM, or ERR_UNSUPPORTED for a digest this system does not have. */
int steps_new(struct steps **out, const struct steps_plan *plan) MUST_CHECK;
void steps_free(struct steps *steps); /* takes NULL */

void steps_feed(struct steps *steps, const void *data, size_t length);

/* Bytes fed so far. */
int64_t steps_fed(const struct steps *steps);

/* The body is complete: 0, or ERR_MISMATCH when a digest is not what was
 * promised, ERR_MALFORMED when it is not what it must be. */
int steps_end(struct steps *steps) MUST_CHECK;

/* After ERR_MISMATCH: is a second look at all bytes, in order, of use? Where it
 * stands; its bytes; and when it is over the pieces that are damaged: true when
 * something of the body is good. */
bool steps_look_again(const struct steps *steps);
int64_t steps_looked(const struct steps *steps);
void steps_look(struct steps *steps, const void *data, size_t length);
bool steps_damage(struct steps *steps, const struct ranges **bad);
/* Might it come to that? Then all of the body must be in the file before its
 * end. */
bool steps_have_pieces(const struct steps *steps);

/* Has anything to be done before the body is complete? */
bool steps_need_bytes(const struct steps *steps);

/* What is to be unpacked once the body has passed, and how much may come. */
enum unpack_kind steps_unpack(const struct steps *steps,
                              struct unpack_limits *limits);
/* What comes out of it, whose digest is the one to be recorded then: 0 or
 * ERR_MALFORMED. */
int steps_unpacked(struct steps *steps, const void *data,
                   size_t length) MUST_CHECK;
int steps_unpacked_end(struct steps *steps) MUST_CHECK;
/* Unpacking has failed: says why in words. */
void steps_unpack_failed(struct steps *steps, int code);

/* After steps_end: the digest to be recorded (type DIGEST_NONE without one),
 * and why it failed, for a person; "" else. */
const struct digest *steps_digest(const struct steps *steps);
/* The same as text, to be freed; NULL without one. It needs no memory any more:
 * what has a digest is never without it. */
char *steps_take_digest(struct steps *steps);
const char *steps_why(const struct steps *steps);

#endif
