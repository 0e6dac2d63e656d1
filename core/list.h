/* SPDX-License-Identifier: MIT
 *
 * Intrusive doubly linked lists with a sentinel, as in the BSDs' TAILQ but
 * checked by types: a link knows whether it is on a list.
 */
#ifndef SPATE_LIST_H
#define SPATE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
  struct link *prev, *next; /* NULL when on no list */
};

#define LINK_ENTRY(link, type, member) \
  ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct link *head) {
  head->prev = head->next = head;
}

static inline bool list_empty(const struct link *head) {
  return head->next == head;
}

static inline bool link_on_list(const struct link *link) {
  return link->next != NULL;
}

static inline void list_append(struct link *head, struct link *link) {
  link->prev = head->prev;
  link->next = head;
  head->prev->next = link;
  head->prev = link;
}

static inline void list_prepend(struct link *head, struct link *link) {
  list_append(head->next, link);
}

static inline void list_remove(struct link *link) {
  if (link->next == NULL)
    return;
  link->prev->next = link->next;
  link->next->prev = link->prev;
  link->prev = link->next = NULL;
}

/* The first link, taken off; NULL when the list is empty. */
static inline struct link *list_take(struct link *head) {
  struct link *link = head->next;
  if (link == head)
    return NULL;
  list_remove(link);
  return link;
}

#endif
