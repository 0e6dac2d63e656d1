/* SPDX-License-Identifier: MIT
 *
 * Transfers: one HTTP exchange each (or one file, see file_transfer.h), on a
 * libcurl easy handle that is used again and again. A transfer knows its
 * request and what the answer's head says; what is done with the body is its
 * owner's business (struct transfer_ops).
 *
 * Redirects are not followed by libcurl: the owner gets the 3xx and asks anew,
 * so that limits, name look-up and credentials are right for the new origin.
 *
 * Thread: the loop's. Callbacks named "head" and "body" run inside libcurl:
 * they must not start or remove transfers.
 */
#ifndef SPATE_TRANSFER_H
#define SPATE_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "curlmux.h"
#include "digest.h"
#include "engine.h"
#include "fields.h"
#include "hosts.h"
#include "throttle.h"

#define TRANSFER_BODY_PAUSE ((size_t)-1)
#define TRANSFER_BODY_ABORT ((size_t)-2)
#define ANSWER_NAME 1024
#define TRANSFER_PAGE 1024 /* bytes kept of an error's body */

/* The head of an answer; reset when another follows (1xx). */
struct answer {
  int status;
  int64_t content_length;                      /* -1 not given */
  int64_t range_first, range_last, range_size; /* Content-Range; -1 unknown */
  bool has_range;
  bool accepts_ranges;
  bool encoded; /* Content-Encoding other than identity */
  bool chunked;
  bool length_bad; /* Content-Length is no length, or two of them differ */
  char etag[128];
  char last_modified[64];
  struct throttle_hint hint; /* what it says about how fast to ask */
  char content_type[96];
  char date[40];
  struct digest digest;       /* of the whole body, as the server promises */
  char filename[ANSWER_NAME]; /* Content-Disposition's, as sent; "" none */
};

struct transfer {
  CURL *easy;
  struct transfers *pool;
  void *owner;
  const struct transfer_ops *ops;
  struct host *host;
  unsigned lane;
  unsigned version; /* of the host's addresses that were handed over */
  bool running;
  bool lacking;        /* libcurl had no memory for the text of an option */
  bool paused;         /* libcurl was told to stop receiving */
  bool aborted;        /* the body callback refused */
  bool with_method;    /* the handle has a method or body of a task */
  bool foreign;        /* not the origin the user's headers are for */
  bool public_only;    /* connects to no private address */
  bool refused;        /* it would have had to */
  bool with_file;      /* the handle has options of file_transfer.h */
  bool with_name;      /* likewise: a user name */
  int host_key;        /* what is wrong with it: file_transfer.c; 0 nothing */
  int reply;           /* the last one of an FTP server; 0 none */
  bool stuck;          /* libcurl waited for its server, and all others did */
  char validator[128]; /* of what is resumed, where there is no If-Range */
  uint64_t sent_ns;    /* when it was started */
  uint64_t head_ns;    /* when the final head was complete; 0 not yet */
  int64_t received;    /* bytes of body handed to the owner */
  int64_t range_from;  /* asked for with Range; 0 and no end: none */
  int64_t range_to;    /* last byte asked for; -1 up to the end */
  struct answer answer;
  struct bytes head;        /* as it came, when heads are kept */
  struct bytes links;       /* of the head: its Link fields, with commas */
  struct curl_slist *extra; /* headers of this request alone; owned */
  struct transfer *next_free;
  char error[CURL_ERROR_SIZE];
  size_t page_len;
  char page[TRANSFER_PAGE]; /* beginning of the body of an error */
};

struct transfer_ops {
  /* The head is complete and the body (perhaps empty) follows. */
  void (*head)(void *owner, struct transfer *transfer);
  /* Returns length, TRANSFER_BODY_PAUSE (comes again after unpausing) or
   * TRANSFER_BODY_ABORT. */
  size_t (*body)(void *owner, struct transfer *transfer, const char *data,
                 size_t length);
  /* It is over; the transfer may be freed or started again. */
  void (*done)(void *owner, struct transfer *transfer, CURLcode code);
};

/* The pool of transfers of an engine. */
struct transfers {
  struct curlmux *mux;
  const struct engine_config *config; /* borrowed; limits are live copies */
  const double *limit;                /* LIMIT_* values, live; borrowed */
  const struct transfer_ops *ops;
  struct curl_slist *headers; /* the user's */
  struct curl_slist *resolve; /* the user's --resolve */
  struct cookies *cookies;    /* of a file; NULL none */
  struct bytes cookie_text;   /* scratch */
  bool proxied;               /* transfer_proxied() */
  bool keep_heads;            /* whole, for records of shards */
  struct loopwatch *watch;    /* borrowed */
  /* private */
  struct transfer *free_list;
  unsigned free_count;
  long buffer_size;
  int http_version; /* resolved: 11 or 20 */
};

/* 11 or 20: what was asked for (0 nothing), else what the libcurl that is in
 * use (its version number) can be trusted with. Pure. */
int transfer_http_version(int asked, unsigned libcurl);

/* Whether requests may go through a proxy, of the options or the environment:
 * then the names of servers are its business. Not where threads change the
 * environment. */
bool transfer_proxied(const struct engine_config *config);

int transfers_init(struct transfers *transfers, uv_loop_t *loop,
                   struct loopwatch *watch, const struct engine_config *config,
                   const double *limit,
                   const struct transfer_ops *ops) MUST_CHECK;

/* No transfer may be running. The loop must run on until the mux's handles
 * are closed. */
void transfers_fini(struct transfers *transfers);

/* One request. from > 0 or to >= 0 asks for a range, with If-Range: if_range
 * when that is not "". foreign: another origin than the task's own, which gets
 * neither credentials nor headers of the user or the task. public_only: no
 * connection to a private address (address.h); one that was refused says so in
 * transfer->refused. */
struct transfer_request {
  const char *url;
  struct host *host;
  int64_t from;
  int64_t to; /* the last byte wanted; -1 up to the end */
  const char *if_range;
  const struct host_rule *rule;     /* has headers too; NULL none */
  const struct task_fields *fields; /* borrowed until it is freed; NULL none */
  bool as_get;                      /* a redirect took method and body away */
  bool foreign;
  bool public_only;
  const struct transfer_ops *ops; /* NULL: those of the pool */
};

/* Starts one; *out is valid until done or transfer_cancel(). */
int transfer_start(struct transfers *transfers, void *owner,
                   const struct transfer_request *request,
                   struct transfer **out) MUST_CHECK;

/* Stops it without a callback and puts it back. Not from inside libcurl. */
void transfer_cancel(struct transfer *transfer);

/* An option with a text, which libcurl copies: it never goes on without one
 * that was to be set, since what is left out is a login, a proxy or a check. */
void transfer_set_text(struct transfer *transfer, CURLoption option,
                       const char *text);

/* Puts a finished one back. */
void transfer_free(struct transfer *transfer);

/* Remembers the beginning of an error's body. From inside body. */
void transfer_keep_page(struct transfer *transfer, const char *data,
                        size_t length);

/* The code says that this machine or its network could not get out at all; a
 * server that refuses or resets is not that. */
bool transfer_unreachable(const struct transfer *transfer, CURLcode code);

/* Holds and continues receiving; not from inside head or body. */
void transfer_pause(struct transfer *transfer);
void transfer_unpause(struct transfer *transfer);

#endif
