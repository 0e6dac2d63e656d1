/* SPDX-License-Identifier: MIT
 *
 * Reads the history of a session for the interface: on a thread of its own,
 * since reading blocks, and only what is in sight and a little around it.
 *
 * The interface says what it wants to see; the newest wish counts, and a list
 * to be written, which is not forgotten for it. What was read comes back as one
 * result, and a descriptor becomes readable. The cost
 * is that of a few hundred rows, however many tasks there are.
 *
 * Thread: everything here is called by the interface's; the reader's thread
 * touches only what pager.c guards by its mutex.
 */
#ifndef SPATE_UI_PAGER_H
#define SPATE_UI_PAGER_H

#include "history.h"

#define PAGER_ROWS 400    /* read at once */
#define PAGER_TEXT 128    /* of a search */
#define PAGER_HOSTS 256   /* hosts counted */
#define PAGER_SCAN 200000 /* failures looked at for them */

enum pager_what {
  PAGER_NOTHING,
  PAGER_PAGE,
  PAGER_CLASSES,
  PAGER_HOSTS_OF,
  PAGER_WRITE
};

struct pager_wish {
  enum pager_what what;
  unsigned kinds; /* as history_query */
  char class_name[FAILURE_CLASS_CAP];
  char text[PAGER_TEXT];
  uint64_t from;
  bool backwards;
  uint64_t near;   /* a task: around it, whatever from says; 0 none */
  char path[1024]; /* WRITE: a new file, which gets all that fits, in clear */
};

struct pager_host {
  char name[160]; /* host and port */
  uint64_t count;
};

struct pager_result {
  struct pager_wish wish; /* what it answers */
  int code;               /* 0, or an error with its sentence */
  struct errmsg msg;
  struct history_count count;    /* of all */
  struct history_page page;      /* PAGE */
  uint64_t at;                   /* the position of wish.near */
  bool searching;                /* a search that goes on */
  struct history_class *classes; /* CLASSES; taken */
  size_t class_count;
  struct pager_host *hosts; /* HOSTS_OF; taken; most failures first */
  size_t host_count;
  uint64_t written; /* WRITE: tasks */
  bool cut;         /* there were more failures than were looked at */
};

struct pager;

/* dir is copied. ERR_NOMEM, or what a thread needs is missing. */
int pager_open(struct pager **out, const char *dir) MUST_CHECK;
/* Waits for the reader, which may be in the middle of a page. Takes NULL. */
void pager_close(struct pager *pager);

/* Readable when there is a result. */
int pager_fd(const struct pager *pager);
void pager_ask(struct pager *pager, const struct pager_wish *wish);
/* The newest result, the caller's to pager_free(); NULL when there is none. */
struct pager_result *pager_take(struct pager *pager);
void pager_free(struct pager_result *result); /* takes NULL */

#endif
