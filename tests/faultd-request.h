/* SPDX-License-Identifier: MIT
 *
 * Requests as the fault server reads them, and the behaviour that the query of
 * a target asks for. Strings point into the caller's buffers.
 */
#ifndef FAULTD_REQUEST_H
#define FAULTD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_HEADERS 64
#define REQUEST_MAX 65536

struct request {
  const char *method, *target;
  bool head, get;
  bool close; /* the client wants the connection closed */
  uint64_t body_len;
  size_t count;
  struct {
    const char *name, *value;
  } header[REQUEST_HEADERS];
};

/* Parses the request at data (made into strings in place once it is whole).
 * Returns the bytes it took, 0 when more must be read, -1 when it is bad. */
int request_parse(char *data, size_t len, struct request *req);

/* The value of a header, or NULL. */
const char *request_header(const struct request *req, const char *name);

/* What a query can ask for. Numbers are -1 and strings NULL when absent.
 * Faults (those below the line) hold for the first `fail` requests of the
 * path, or with probability `p`, or always when neither is given. */
#define BEHAVE_TABLE(X)                                                        \
  X(delay, NUM)       /* ms before the status line */                          \
  X(ttfb, NUM)        /* ms between headers and body */                        \
  X(rate, NUM)        /* body bytes a second */                                \
  X(trickle, NUM)     /* a byte every so many ms (1 = 100 ms) */               \
  X(etag, STR)        /* strong (default), weak, none, change */               \
  X(changeafter, NUM) /* etag=change: changes once, after so many requests */  \
  X(lm, NUM)          /* 1 = Last-Modified */                                  \
  X(ranges, STR)      /* yes, no, ignore, lie, wrong-total, short, other */    \
  X(nolength, NUM)    /* body ends with the connection */                      \
  X(chunked, NUM)                                                              \
  X(closeafter, NUM) /* closes a kept-alive connection without a word */       \
  X(early, NUM)      /* 1 = a 103 answer first; also named 1xx */              \
  X(redirect, STR)   /* Location */                                            \
  X(hops, NUM)       /* redirects to itself with hops-1; 0 = the file */       \
  X(loop, NUM)       /* 1 = redirects to itself */                             \
  X(code, NUM)       /* status of redirects (302) */                           \
  X(limit, STR)      /* KEY,RATE,BURST[,RETRYAFTER]: token bucket, else 429 */ \
  X(window, STR)     /* KEY,N,SECONDS[,RETRYAFTER]: fixed window, else 429 */  \
  X(conc, STR)       /* KEY,N: more than N at once get 503 */                  \
  X(hints, NUM)      /* 1 = RateLimit headers for limit and window */          \
  X(need, STR)       /* 401 unless the request has this header */              \
  X(type, STR)       /* Content-Type */                                        \
  X(disposition, STR)                                                          \
  X(header, STR)   /* a header line, raw; the last one given counts */         \
  X(gzip, STR)     /* 1 = Content-Encoding: gzip, real; lie = only said */     \
  X(dateskew, NUM) /* seconds added to Date */                                 \
  X(fail, NUM)                                                                 \
  X(p, STR)                                                                    \
  /* ------------------------------------------------------------------- */    \
  X(status, NUM)                                                               \
  X(retry_after, STR) /* seconds, or date:SECONDS; with status */              \
  X(reset, NUM)       /* RST after so many bytes */                            \
  X(truncate, NUM)    /* closes after so many bytes */                         \
  X(stall, NUM)       /* sends nothing more after so many bytes */             \
  X(badchunk, NUM)    /* chunked, broken after so many bytes */                \
  X(longer, NUM)      /* so many bytes beyond Content-Length */                \
  X(empty, NUM)       /* closes without an answer */                           \
  X(wrong, NUM)       /* 1 = the bytes of the next seed, as many */            \
  X(corrupt, NUM)     /* the byte at this offset of the file is another */     \
  X(endless_headers, NUM)                                                      \
  X(endless, NUM) /* a body that never ends */

struct behave {
#define NUM(name) int64_t name;
#define STR(name) char *name;
#define BEHAVE_FIELD(name, kind) kind(name)
  BEHAVE_TABLE(BEHAVE_FIELD)
#undef BEHAVE_FIELD
#undef STR
#undef NUM
};

/* Reads a query (changed in place, may be NULL). '-' in a name counts as '_'.
 * Returns NULL, or the name that is not known or has a bad value. */
const char *behave_parse(char *query, struct behave *b);

/* Reads a number with an optional k, M or G (powers of 1024); -1 when bad.
 * *end points behind it. */
int64_t behave_number(const char *text, const char **end);

/* Forgets the faults, for a request that is to succeed. */
void behave_no_faults(struct behave *b);
bool behave_has_fault(const struct behave *b);

#endif
