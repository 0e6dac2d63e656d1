/* SPDX-License-Identifier: MIT
 *
 * See readdress.h. The URLs stand in one block, each ended by a NUL.
 */
#include "config.h"

#include "readdress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define HIDDEN "***" /* as redact.h writes a secret */

/* FNV-1a of 64 bits. */
uint64_t readdress_of(const char *url) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *url != '\0'; url++)
    hash = (hash ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
  return hash != 0 ? hash : 1;
}

bool readdress_fits(const struct readdress *address, const char *line) {
  return address->of == 0 || address->of == readdress_of(line);
}

void readdress_fini(struct readdress *address) {
  free(address->url);
  memset(address, 0, sizeof *address);
}

/* Ends the word at *at and goes to the next one; NULL: there is none. */
static char *next_word(char **at) {
  char *word = *at + strspn(*at, BLANKS);
  size_t len = strcspn(word, BLANKS);
  *at = word + len + (word[len] != '\0');
  word[len] = '\0';
  return len > 0 ? word : NULL;
}

/* Cuts a copy of the words apart; the first one is the URL. */
static int cut(struct readdress *address, const char *words) {
  memset(address, 0, sizeof *address);
  char *copy = strdup(words + strspn(words, BLANKS)), *at = copy;
  if (copy == NULL)
    return ERR_NOMEM;
  address->url = copy;
  char *word = next_word(&at);
  int rc = word != NULL ? 0 : ERR_NOTFOUND;
  while (rc == 0 && (word = next_word(&at)) != NULL)
    if (address->mirror_count < READDRESS_MIRRORS)
      address->mirror[address->mirror_count++] = word;
    else
      rc = ERR_TOOBIG;
  if (rc != 0)
    readdress_fini(address);
  return rc;
}

int readdress_read(struct readdress *address, const char *words,
                   struct errmsg *msg) {
  if (strstr(words, HIDDEN) != NULL)
    return err_set(msg, ERR_SYNTAX,
                   "'" HIDDEN "' stands for a secret: give the whole URL");
  int rc = cut(address, words);
  if (rc == ERR_NOTFOUND)
    return err_set(msg, ERR_SYNTAX, "there is no URL");
  if (rc == ERR_TOOBIG)
    return err_set(msg, ERR_SYNTAX, "a task has at most %d mirrors",
                   READDRESS_MIRRORS);
  return rc == 0 ? 0 : err_set(msg, rc, "%s", err_text(rc));
}

char *readdress_text(const struct readdress *address) {
  size_t cap = strlen(address->url) + 32;
  for (size_t i = 0; i < address->mirror_count; i++)
    cap += strlen(address->mirror[i]) + 1;
  char *text = malloc(cap);
  if (text == NULL)
    return NULL;
  int len = snprintf(text, cap, "%016" PRIx64 " %s", address->of, address->url);
  for (size_t i = 0; i < address->mirror_count && len > 0; i++)
    len += snprintf(text + len, cap - (size_t)len, "\t%s", address->mirror[i]);
  return text;
}

int readdress_parse(struct readdress *address, const char *text) {
  char *end;
  uint64_t of = strtoull(text, &end, 16);
  memset(address, 0, sizeof *address);
  if (end == text || *end != ' ')
    return ERR_SYNTAX;
  int rc = cut(address, end);
  if (rc == 0)
    address->of = of;
  return rc == ERR_NOTFOUND ? ERR_SYNTAX : rc;
}

int readdress_add(struct readdress *address, const char *url) {
  if (strcmp(address->url, url) == 0)
    return ERR_EXISTS;
  for (size_t i = 0; i < address->mirror_count; i++)
    if (strcmp(address->mirror[i], url) == 0)
      return ERR_EXISTS;
  if (address->mirror_count == READDRESS_MIRRORS)
    return ERR_TOOBIG;
  struct readdress old = *address;
  char *text = readdress_text(&old);
  size_t cap = text != NULL ? strlen(text) + strlen(url) + 2 : 0;
  char *longer = text != NULL ? malloc(cap) : NULL;
  if (longer != NULL)
    snprintf(longer, cap, "%s\t%s", text, url);
  int rc = longer != NULL ? readdress_parse(address, longer) : ERR_NOMEM;
  free(text);
  free(longer);
  if (rc == 0)
    free(old.url);
  else
    *address = old;
  return rc;
}
