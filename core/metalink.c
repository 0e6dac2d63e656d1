/* SPDX-License-Identifier: MIT
 *
 * Metalink 4 through expat: see metalink.h. Expat calls back for elements and
 * text; a small stack of where we are decides what they mean. Elements of
 * other namespaces, and all within them, are passed over.
 */
#include "config.h"

#include "metalink.h"

#include <ctype.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACE "urn:ietf:params:xml:ns:metalink"
#define SEPARATOR '|'
#define DEPTH_MAX 32

enum element {
  IN_NOTHING,
  IN_METALINK,
  IN_FILE,
  IN_PIECES,
  IN_SIZE,
  IN_HASH,
  IN_PIECE_HASH,
  IN_URL,
};

/* Which element may stand in which. */
static const struct {
  enum element in;
  const char *name;
  enum element element;
} grammar[] = {
    {IN_NOTHING, "metalink", IN_METALINK},
    {IN_METALINK, "file", IN_FILE},
    {IN_FILE, "size", IN_SIZE},
    {IN_FILE, "hash", IN_HASH},
    {IN_FILE, "pieces", IN_PIECES},
    {IN_FILE, "url", IN_URL},
    {IN_PIECES, "hash", IN_PIECE_HASH},
};

struct reader {
  XML_Parser parser;
  struct metalink *metalink;
  enum element path[DEPTH_MAX];
  unsigned depth;
  unsigned foreign;      /* elements open that mean nothing to us */
  enum digest_type type; /* of the hash at hand */
  int priority;
  char location[3];
  char text[METALINK_TEXT + 1];
  size_t text_length;
  size_t file_cap, url_cap, piece_cap;
  bool taking_pieces;
  int code;
  struct errmsg *msg;
};

static void fail(struct reader *r, int code, const char *why) {
  if (r->code != 0)
    return;
  r->code = err_set(r->msg, code, "metalink, line %lu: %s",
                    (unsigned long)XML_GetCurrentLineNumber(r->parser), why);
  XML_StopParser(r->parser, XML_FALSE);
}

/* Room for one more; false when there is none. */
static bool room(struct reader *r, void **items, size_t *cap, size_t count,
                 size_t size, size_t ceiling) {
  size_t want = *cap > 0 ? *cap * 2 : 4;
  void *grown;
  if (count >= ceiling) {
    fail(r, ERR_TOOBIG, "too many elements");
    return false;
  }
  if (count < *cap)
    return true;
  grown = realloc(*items, want * size);
  if (grown == NULL) {
    fail(r, ERR_NOMEM, err_text(ERR_NOMEM));
    return false;
  }
  *items = grown;
  *cap = want;
  return true;
}

static struct metalink_file *file_of(struct reader *r) {
  return &r->metalink->files[r->metalink->count - 1];
}

static const char *attribute(const XML_Char **attributes, const char *name) {
  for (size_t i = 0; attributes[i] != NULL; i += 2)
    if (strcmp(attributes[i], name) == 0)
      return attributes[i + 1];
  return NULL;
}

/* A whole number; -1 when it is none. */
static int64_t whole(const char *text) {
  int64_t value = 0;
  if (text == NULL || *text == '\0')
    return -1;
  for (; *text != '\0'; text++) {
    if (!isdigit((unsigned char)*text) || value > INT64_MAX / 10 - 1)
      return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

/* ---- elements begin
 * ---------------------------------------------------------- */

static void begin_file(struct reader *r, const XML_Char **attributes) {
  const char *name = attribute(attributes, "name");
  struct metalink_file *file;
  if (name == NULL || *name == '\0' || strlen(name) > METALINK_TEXT) {
    fail(r, ERR_SYNTAX, "a file without a name");
    return;
  }
  if (!room(r, (void **)&r->metalink->files, &r->file_cap, r->metalink->count,
            sizeof(*file), METALINK_FILES))
    return;
  file = &r->metalink->files[r->metalink->count];
  memset(file, 0, sizeof(*file));
  file->size = -1;
  file->name = strdup(name);
  r->metalink->count++;
  r->url_cap = r->piece_cap = 0;
  if (file->name == NULL)
    fail(r, ERR_NOMEM, err_text(ERR_NOMEM));
}

static enum digest_type type_of(const XML_Char **attributes) {
  const char *type = attribute(attributes, "type");
  return type != NULL ? digest_find(type, strlen(type)) : DIGEST_NONE;
}

/* Of several sets of pieces the one with the strongest digest is kept. */
static void begin_pieces(struct reader *r, const XML_Char **attributes) {
  struct metalink_file *file = file_of(r);
  enum digest_type type = type_of(attributes);
  int64_t length = whole(attribute(attributes, "length"));
  r->taking_pieces = type > file->piece_type && length > 0;
  if (!r->taking_pieces)
    return;
  free(file->pieces);
  file->pieces = NULL;
  file->piece_count = r->piece_cap = 0;
  file->piece_type = type;
  file->piece_length = length;
}

static void begin_url(struct reader *r, const XML_Char **attributes) {
  int64_t priority = whole(attribute(attributes, "priority"));
  const char *location = attribute(attributes, "location");
  r->priority = priority >= 1 && priority <= METALINK_PRIORITY_LAST
                    ? (int)priority
                    : METALINK_PRIORITY_LAST;
  memset(r->location, 0, sizeof(r->location));
  if (location != NULL && strlen(location) == 2)
    for (int i = 0; i < 2; i++)
      r->location[i] = (char)tolower((unsigned char)location[i]);
}

static enum element element_of(const struct reader *r, const XML_Char *name) {
  const char *local = strchr(name, SEPARATOR);
  enum element in = r->depth > 0 ? r->path[r->depth - 1] : IN_NOTHING;
  if (local == NULL || (size_t)(local - name) != strlen(NAMESPACE) ||
      strncmp(name, NAMESPACE, strlen(NAMESPACE)) != 0)
    return IN_NOTHING;
  for (size_t i = 0; i < sizeof(grammar) / sizeof(*grammar); i++)
    if (grammar[i].in == in && strcmp(grammar[i].name, local + 1) == 0)
      return grammar[i].element;
  return IN_NOTHING;
}

static void XMLCALL on_begin(void *arg, const XML_Char *name,
                             const XML_Char **attributes) {
  struct reader *r = arg;
  enum element element;
  if (r->code != 0)
    return;
  element = r->foreign > 0 ? IN_NOTHING : element_of(r, name);
  if (element == IN_NOTHING) {
    if (r->depth == 0)
      fail(r, ERR_SYNTAX, "this is no Metalink 4 document");
    else if (++r->foreign > DEPTH_MAX)
      fail(r, ERR_TOOBIG, "elements stand too deep in each other");
    return;
  }
  r->path[r->depth++] = element; /* the grammar is four deep */
  r->text_length = 0;
  if (element == IN_FILE)
    begin_file(r, attributes);
  else if (element == IN_PIECES)
    begin_pieces(r, attributes);
  else if (element == IN_HASH)
    r->type = type_of(attributes);
  else if (element == IN_URL)
    begin_url(r, attributes);
}

/* ---- and end
 * -------------------------------------------------------------------- */

/* The text of an element without the blanks around it; terminated. */
static const char *text_of(struct reader *r) {
  char *text = r->text;
  while (r->text_length > 0 && isspace((unsigned char)text[r->text_length - 1]))
    r->text_length--;
  text[r->text_length] = '\0';
  while (isspace((unsigned char)*text))
    text++;
  return text;
}

static void end_hash(struct reader *r) {
  struct metalink_file *file = file_of(r);
  const char *text = text_of(r);
  if (r->type != DIGEST_NONE && digest_from_hex(r->type, text, strlen(text),
                                                &file->digests[r->type]) != 0)
    fail(r, ERR_SYNTAX, "a hash that is not of its type");
}

static void end_piece(struct reader *r) {
  struct metalink_file *file = file_of(r);
  const char *text = text_of(r);
  size_t size = digest_size(file->piece_type);
  struct digest digest;
  if (!r->taking_pieces)
    return;
  if (digest_from_hex(file->piece_type, text, strlen(text), &digest) != 0) {
    fail(r, ERR_SYNTAX, "the hash of a piece that is not of its type");
    return;
  }
  if (!room(r, (void **)&file->pieces, &r->piece_cap, file->piece_count, size,
            METALINK_PIECES))
    return;
  memcpy(file->pieces + file->piece_count++ * size, digest.value, size);
}

static void end_url(struct reader *r) {
  struct metalink_file *file = file_of(r);
  const char *text = text_of(r);
  struct metalink_url url = {NULL, r->priority, ""};
  size_t at;
  if (*text == '\0' || !room(r, (void **)&file->urls, &r->url_cap,
                             file->url_count, sizeof(url), METALINK_URLS))
    return;
  memcpy(url.location, r->location, sizeof(url.location));
  url.url = strdup(text);
  if (url.url == NULL) {
    fail(r, ERR_NOMEM, err_text(ERR_NOMEM));
    return;
  }
  for (at = file->url_count++;
       at > 0 && file->urls[at - 1].priority > url.priority; at--)
    file->urls[at] = file->urls[at - 1];
  file->urls[at] = url;
}

static void end_size(struct reader *r) {
  file_of(r)->size = whole(text_of(r));
  if (file_of(r)->size < 0)
    fail(r, ERR_SYNTAX, "a size that is no number");
}

/* Pieces that do not make up the file are of no use. */
static void end_file(struct reader *r) {
  struct metalink_file *file = file_of(r);
  int64_t length = file->piece_length;
  bool fit = file->size >= 0 && length > 0 &&
             (int64_t)file->piece_count ==
                 file->size / length + (file->size % length != 0);
  if (fit || file->piece_type == DIGEST_NONE)
    return;
  free(file->pieces);
  file->pieces = NULL;
  file->piece_count = 0;
  file->piece_length = 0;
  file->piece_type = DIGEST_NONE;
}

static void XMLCALL on_end(void *arg, const XML_Char *name) {
  struct reader *r = arg;
  (void)name;
  if (r->code != 0)
    return;
  if (r->foreign > 0) {
    r->foreign--;
    return;
  }
  switch (r->path[--r->depth]) {
  case IN_SIZE:
    end_size(r);
    break;
  case IN_HASH:
    end_hash(r);
    break;
  case IN_PIECE_HASH:
    end_piece(r);
    break;
  case IN_URL:
    end_url(r);
    break;
  case IN_FILE:
    end_file(r);
    break;
  case IN_NOTHING:
  case IN_METALINK:
  case IN_PIECES:
    break;
  }
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int length) {
  struct reader *r = arg;
  if (r->code != 0 || r->foreign > 0 || r->depth == 0 ||
      r->path[r->depth - 1] < IN_SIZE)
    return;
  if ((size_t)length > METALINK_TEXT - r->text_length) {
    fail(r, ERR_TOOBIG, "an element with too much text");
    return;
  }
  memcpy(r->text + r->text_length, text, (size_t)length);
  r->text_length += (size_t)length;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name,
                               const XML_Char *system_id,
                               const XML_Char *public_id, int internal) {
  (void)name;
  (void)system_id;
  (void)public_id;
  (void)internal;
  fail(arg, ERR_SYNTAX, "a document type declaration is not taken");
}

/* ---- all of it
 * -------------------------------------------------------------------- */

static void parse(struct reader *r, const char *data, size_t length) {
  enum XML_Status status;
  XML_SetUserData(r->parser, r);
  XML_SetElementHandler(r->parser, on_begin, on_end);
  XML_SetCharacterDataHandler(r->parser, on_text);
  XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
  status = XML_Parse(r->parser, data, (int)length, XML_TRUE);
  if (status != XML_STATUS_OK && r->code == 0)
    fail(r,
         XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY ? ERR_NOMEM
                                                            : ERR_SYNTAX,
         XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int metalink_parse(struct metalink *metalink, const char *data, size_t length,
                   struct errmsg *msg) {
  struct reader *r;
  int code;
  memset(metalink, 0, sizeof(*metalink));
  if (length > METALINK_BYTES)
    return err_set(msg, ERR_TOOBIG, "metalink: the document is over %d MB",
                   (int)(METALINK_BYTES >> 20));
  r = calloc(1, sizeof(*r));
  if (r == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  r->metalink = metalink;
  r->msg = msg;
  r->parser = XML_ParserCreateNS(NULL, SEPARATOR);
  if (r->parser == NULL)
    r->code = err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  else
    parse(r, data, length);
  code = r->code;
  if (r->parser != NULL)
    XML_ParserFree(r->parser);
  free(r);
  if (code != 0)
    metalink_fini(metalink);
  return code;
}

void metalink_fini(struct metalink *metalink) {
  for (size_t i = 0; i < metalink->count; i++) {
    struct metalink_file *file = &metalink->files[i];
    for (size_t j = 0; j < file->url_count; j++)
      free(file->urls[j].url);
    free(file->urls);
    free(file->pieces);
    free(file->name);
  }
  free(metalink->files);
  memset(metalink, 0, sizeof(*metalink));
}

const struct digest *metalink_best(const struct metalink_file *file) {
  for (int type = DIGEST_TYPES - 1; type > DIGEST_NONE; type--)
    if (file->digests[type].type != DIGEST_NONE)
      return &file->digests[type];
  return &file->digests[DIGEST_NONE];
}
