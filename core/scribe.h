/* SPDX-License-Identifier: MIT
 *
 * How a body becomes a record of a shard:
 *
 *   jsonl  a line: {"key","url","status","headers","body"}; the body as it is
 *          when it is one JSON value (blanks between its tokens left out),
 *          else as a string, else "body_base64"
 *   tar    two members (POSIX.1-2017 pax, as WebDataset reads them): NAME, and
 *          NAME.json with url, status, headers and the body's sha-256
 *   warc   a response record of WARC 1.1 (ISO 28500:2017) with the head as it
 *          was received and the body
 *
 * A body is gone through twice: looked at, then written. So one that does not
 * fit into memory is read twice, in pieces.
 *
 * Thread: any, one at a time.
 */
#ifndef SPATE_SCRIBE_H
#define SPATE_SCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json_scan.h"
#include "packer.h"

enum shard_form { FORM_FILES, FORM_JSONL, FORM_TAR, FORM_WARC };

#define TAR_BLOCK 512

/* ".jsonl", ".tar", ".warc". */
const char *shard_form_suffix(enum shard_form form);

/* One body and what is known of it. Texts are owned. */
struct record {
  char *key;    /* output name */
  char *url;    /* of the task, redacted */
  char *target; /* the last URL that was asked, redacted */
  char *head;   /* status line and fields as they came; NULL unknown */
  size_t head_len;
  int status;
  int64_t unix_s;   /* when it was received */
  int64_t size;     /* of the body */
  const char *data; /* all of it, borrowed; NULL: in a file */
  char *part;  /* that file, below the output directory; removed at the end */
  void *owner; /* borrowed: whose body it is */
  struct record *next;
  /* where it is: set by the scribe and by who writes frames */
  uint64_t frame;  /* its frame's offset in what was packed */
  uint64_t offset; /* its own within the unpacked frame */
  uint64_t length; /* unpacked */
};

/* NULL without memory. head may be NULL. */
struct record *record_new(const char *key, const char *url, const char *target);
void record_free(struct record *record); /* takes NULL */

/* What a record needs in memory besides its body. */
size_t record_weight(const struct record *record);

struct scribe_plan {
  enum shard_form form;
  const char *headers; /* names to be kept, with commas; "" none */
};

struct scribe {
  /* private */
  const struct scribe_plan *plan; /* borrowed */
  struct packer *packer;          /* borrowed */
  struct record *record;
  struct bytes text;
  struct json_scan scan;
  struct json_squeeze squeeze;
  void *digest; /* EVP_MD_CTX; NULL none */
  char sum[80];
  uint8_t odd[3]; /* base64: bytes that wait for a full group */
  unsigned odd_count;
};

int scribe_init(struct scribe *scribe, const struct scribe_plan *plan,
                struct packer *packer) MUST_CHECK;
void scribe_fini(struct scribe *scribe);

/* In this order: begin, look at all of the body, head, all of the body again,
 * tail. tail returns 0 or why the record could not be made. */
void scribe_begin(struct scribe *scribe, struct record *record);
void scribe_look(struct scribe *scribe, const char *data, size_t length);
void scribe_head(struct scribe *scribe);
void scribe_body(struct scribe *scribe, const char *data, size_t length);
int scribe_tail(struct scribe *scribe) MUST_CHECK;

/* All of that for a body in memory. */
int scribe_write(struct scribe *scribe, struct record *record) MUST_CHECK;

/* What a shard begins with (warc: a warcinfo record), packed. */
void scribe_preamble(const struct scribe_plan *plan, struct packer *packer,
                     struct bytes *out, const char *name, int64_t unix_s);
/* What a complete shard ends with (tar: two empty blocks), packed. */
void scribe_ending(const struct scribe_plan *plan, struct packer *packer,
                   struct bytes *out);

/* ---- between the files of the scribe ---- */

void scribe__put(struct scribe *scribe); /* packs text and empties it */
/* The fields of the head whose names are in the plan, as a JSON object. */
void scribe__headers(struct scribe *scribe, struct bytes *out);
void scribe__tar_head(struct scribe *scribe);
void scribe__tar_tail(struct scribe *scribe);
void scribe__warc_head(struct scribe *scribe);

#endif
