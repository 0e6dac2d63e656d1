/* SPDX-License-Identifier: MIT
 *
 * From a request to the plan of its answer: the header block is written at
 * once, the body is produced later, as fast as the plan allows.
 */
#ifndef FAULTD_RESPOND_H
#define FAULTD_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "faultd-buf.h"
#include "faultd-gates.h"
#include "faultd-request.h"

enum cut { CUT_NONE, CUT_RESET, CUT_CLOSE, CUT_STALL, CUT_CHUNK };

struct plan {
  int status;
  uint64_t seed;
  int64_t at, left; /* of the generated body */
  char *memory;     /* owned; the body, instead of the generator */
  int64_t sent;     /* body bytes produced so far */
  int64_t cut_at;   /* of sent */
  int64_t corrupt;  /* the byte there is another; -1 none */
  enum cut cut;
  uint64_t delay_ms, ttfb_ms, trickle_ms;
  int64_t rate;         /* bytes a second; 0 = as fast as it goes */
  bool chunked, close;  /* close: after the answer */
  bool endless_headers; /* the body never comes */
  bool control; /* a page of the server itself: neither counted nor logged */
  struct gate *gate; /* a place that is left with the answer's end */
};

/* Fills plan and writes the header block (and small bodies) to out. Control
 * pages (/stats, /reset) are answered here too. */
void respond_plan(const struct request *req, int64_t now_us, struct plan *plan,
                  struct buf *out);
void plan_fini(struct plan *plan);

#endif
