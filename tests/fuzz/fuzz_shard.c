/* SPDX-License-Identifier: MIT
 *
 * Shards: a record of any head and body is appended, a kill leaves any bytes
 * behind it, the shard is opened again and appended to. Both records are where
 * the index says, they are what their form promises, and nothing else is there.
 *
 * Input: form and codec, lengths of the head, the name and what is left by the
 * kill, then these and the body.
 */
#include "config.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "names.h"
#include "shard_job.h"
#include "unpack.h"

#define URL "http://h.example/x?sig=***"
#define NUMBER 7
#define FILE_MOST ((size_t)96 * 1024)

struct text {
  char *data;
  size_t length;
};

static int folder = -1;
static char folder_path[] = "/dev/shm/spate-fuzz-XXXXXX";

static void remove_folder(void) {
  (void)rmdir(folder_path);
}

static void open_folder(void) {
  if (folder >= 0)
    return;
  if (mkdtemp(folder_path) != NULL)
    folder = open(folder_path, O_RDONLY | O_DIRECTORY);
  if (folder < 0 || atexit(remove_folder) != 0)
    exit(77);
}

/* ---- records ------------------------------------------------------------- */

static struct text take(const uint8_t **data, size_t *size, size_t length) {
  length = length < *size ? length : *size;
  struct text text = {fuzz_text(*data, length), length};
  *data += length;
  *size -= length;
  return text;
}

/* As libcurl hands them over: whole lines that are not empty. */
static void set_head(struct record *r, const struct text *text) {
  char *to = r->head = fuzz_alloc(2 * text->length + 2);
  for (const char *at = text->data; *at != '\0';) {
    size_t length = strcspn(at, "\n");
    if (length > 0 && *at != '\r') {
      memcpy(to, at, length);
      to += length;
      *to++ = '\n';
    }
    at += length + (at[length] == '\n');
  }
  r->head_len = (size_t)(to - r->head);
}

static struct record *make(const struct text *name, const struct text *head,
                           const uint8_t *body, size_t size) {
  char key[NAME_CAP];
  if (name_from_person(name->data, LAYOUT_FLAT, key, sizeof key) != 0)
    snprintf(key, sizeof key, "plain");
  struct record *r = record_new(key, URL, URL);
  if (r == NULL)
    exit(77);
  set_head(r, head);
  r->status = 200;
  r->unix_s = 1700000000;
  r->data = (const char *)body;
  r->size = (int64_t)size;
  return r;
}

/* ---- what a shard has ---------------------------------------------------- */

static struct text read_file(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    exit(77);
  FUZZ_NEED((size_t)st.st_size < FILE_MOST);
  struct text text = {fuzz_alloc((size_t)st.st_size + 1), (size_t)st.st_size};
  if (pread(fd, text.data, text.length, 0) != st.st_size)
    exit(77);
  text.data[text.length] = '\0';
  return text;
}

static struct text unpacked(const char *data, size_t length, enum codec codec) {
  const struct unpack_limits none = {0, 0};
  struct text text = {fuzz_alloc(FILE_MOST), 0};
  struct unpack *unpack;
  int64_t n;
  if (codec == CODEC_NONE) {
    memcpy(text.data, data, length);
    text.length = length;
    return text;
  }
  if (unpack_new(&unpack, codec == CODEC_GZIP ? UNPACK_GZIP : UNPACK_ZSTD,
                 &none) != 0)
    exit(77);
  for (int turn = 0; turn < 2; turn++) {
    unpack_give(unpack, turn == 0 ? data : NULL, turn == 0 ? length : 0);
    while ((n = unpack_take(unpack, text.data + text.length,
                            FILE_MOST - text.length)) > 0)
      text.length += (size_t)n;
    FUZZ_NEED(n == 0);
  }
  unpack_free(unpack);
  return text;
}

static void need_line(const char *data, size_t length, const struct record *r) {
  json_t *o = json_loadb(data, length, JSON_ALLOW_NUL, NULL);
  FUZZ_NEED(length > 0 && memchr(data, '\n', length) == data + length - 1);
  FUZZ_NEED(json_is_object(o));
  FUZZ_NEED(strcmp(json_string_value(json_object_get(o, "key")), r->key) == 0);
  json_t *text = json_object_get(o, "body");
  json_t *coded = json_object_get(o, "body_base64");
  FUZZ_NEED((text != NULL) != (coded != NULL));
  if (coded != NULL) {
    size_t n = json_string_length(coded), groups = ((size_t)r->size + 2) / 3;
    char *want = fuzz_alloc(4 * groups + 1);
    EVP_EncodeBlock((unsigned char *)want, (const unsigned char *)r->data,
                    (int)r->size);
    FUZZ_NEED(n == 4 * groups);
    FUZZ_NEED(memcmp(want, json_string_value(coded), n) == 0);
    free(want);
  } else {
    json_t *same = json_loadb(r->data, (size_t)r->size,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (same == NULL || !json_equal(text, same)) {
      json_decref(same);
      same = json_stringn(r->data, (size_t)r->size);
    }
    FUZZ_NEED(same != NULL && json_equal(text, same));
    json_decref(same);
  }
  json_decref(o);
}

static size_t octal(const char *field, size_t cap) {
  size_t value = 0;
  for (size_t i = 0; i < cap && field[i] >= '0' && field[i] <= '7'; i++)
    value = value * 8 + (size_t)(field[i] - '0');
  return value;
}

static void need_members(const char *data, size_t length,
                         const struct record *r) {
  size_t at = 0;
  int members = 0;
  FUZZ_NEED(length % TAR_BLOCK == 0);
  while (at < length) {
    const char *h = data + at;
    size_t sum = 0, size = octal(h + 124, 12);
    for (int i = 0; i < TAR_BLOCK; i++)
      sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
    FUZZ_NEED(sum == octal(h + 148, 8));
    at += TAR_BLOCK;
    FUZZ_NEED(size <= length - at);
    if (h[156] == '0' && members++ == 0) {
      FUZZ_NEED(size == (size_t)r->size);
      FUZZ_NEED(size == 0 || memcmp(data + at, r->data, size) == 0);
    } else if (h[156] == '0') {
      json_t *o = json_loadb(data + at, size, 0, NULL);
      FUZZ_NEED(json_is_object(o));
      json_decref(o);
    }
    at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
  }
  FUZZ_NEED(members == 2 && at == length);
}

/* The first empty line ends the head, wherever readers look for it. */
static void need_response(const char *data, size_t length,
                          const struct record *r) {
  static const char field[] = "\r\nContent-Length: ";
  const char *block = memmem(data, length, "\r\n\r\n", 4);
  const char *said = memmem(data, length, field, strlen(field));
  FUZZ_NEED(block != NULL && said != NULL && said < block);
  block += 4;
  size_t left = length - (size_t)(block - data), size = (size_t)r->size;
  FUZZ_NEED(strtoull(said + strlen(field), NULL, 10) + 4 == left);
  FUZZ_NEED(memcmp(data + length - 4, "\r\n\r\n", 4) == 0);
  const char *body = memmem(block, left, "\n\r\n", 3);
  FUZZ_NEED(body != NULL && (size_t)(body + 3 - block) == left - 4 - size);
  FUZZ_NEED(memmem(block, (size_t)(body - block), "\n\n", 2) == NULL);
  FUZZ_NEED(size == 0 || memcmp(body + 3, r->data, size) == 0);
}

/* A line of the index; returns what is behind it. */
static const char *need_record(const char *line, const struct shard_file *file,
                               const struct text *shard,
                               const struct record *r) {
  size_t length = strlen(r->key);
  char *at;
  FUZZ_NEED(strncmp(line, r->key, length) == 0 && line[length] == '\t');
  line += length + 1;
  length = strlen(file->name);
  FUZZ_NEED(strncmp(line, file->name, length) == 0 && line[length] == '\t');
  size_t frame = strtoull(line + length, &at, 10);
  size_t offset = strtoull(at, &at, 10), bytes = strtoull(at, &at, 10);
  FUZZ_NEED(*at == '\n' && frame < shard->length);
  struct text plain =
      unpacked(shard->data + frame, shard->length - frame, file->codec);
  FUZZ_NEED(offset <= plain.length && bytes <= plain.length - offset);
  if (file->plan.form == FORM_JSONL)
    need_line(plain.data + offset, bytes, r);
  else if (file->plan.form == FORM_TAR)
    need_members(plain.data + offset, bytes, r);
  else
    need_response(plain.data + offset, bytes, r);
  free(plain.data);
  return at + 1;
}

/* ---- appending ----------------------------------------------------------- */

static void append(struct shard_file *file, struct record *r,
                   struct packer *packer) {
  struct frame frame = {.first = r, .last = r, .count = 1, .packer = packer};
  bytes_init(&frame.out, FILE_MOST);
  shard_job_pack(&frame, &file->plan, file->plan.form == FORM_WARC);
  FUZZ_NEED(frame.code == 0 && !frame.job.more);
  list_append(&file->frames, &frame.link);
  shard_job_append(file);
  FUZZ_NEED(file->code == 0);
  FUZZ_NEED(file->new_records == file->records + 1);
  file->length = file->new_length;
  file->index_length = file->new_index_length;
  file->records = file->new_records;
  list_remove(&frame.link);
  bytes_fini(&frame.out);
}

static void need_both(const struct shard_file *file, const struct record *a,
                      const struct record *b) {
  static const char title[] = "key\tshard\tframe\toffset\tlength\n";
  struct text shard = read_file(file->fd), index = read_file(file->index_fd);
  FUZZ_NEED((int64_t)shard.length == file->length);
  FUZZ_NEED((int64_t)index.length == file->index_length);
  FUZZ_NEED(strncmp(index.data, title, strlen(title)) == 0);
  const char *at = index.data + strlen(title);
  at = need_record(at, file, &shard, a);
  at = need_record(at, file, &shard, b);
  FUZZ_NEED(*at == '\0');
  free(unpacked(shard.data, shard.length, file->codec).data);
  free(shard.data);
  free(index.data);
}

static void kill_after(struct shard_file *file, const struct text *left) {
  struct errmsg msg = {""};
  if (pwrite(file->fd, left->data, left->length, file->length) < 0 ||
      pwrite(file->index_fd, left->data, left->length / 2, file->index_length) <
          0)
    exit(77);
  close(file->fd);
  close(file->index_fd);
  FUZZ_NEED(shard_reopen(file, &msg) == 0);
}

static void shard(struct shard_file *file, struct record *a, struct record *b,
                  const struct text *left) {
  struct packer *packer;
  struct shard_name parts;
  if (packer_new(&packer, file->codec) != 0)
    exit(77);
  shard_job_create(file);
  FUZZ_NEED(file->code == 0);
  append(file, a, packer);
  kill_after(file, left);
  append(file, b, packer);
  need_both(file, a, b);
  FUZZ_NEED(shard_name_parse(file->name, &parts) && !parts.part);
  FUZZ_NEED(parts.number == NUMBER && parts.form == file->plan.form);
  FUZZ_NEED(parts.codec == file->codec);
  close(file->fd);
  close(file->index_fd);
  shard_job_discard(file);
  packer_free(packer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t other[] = "[1, \"two\"]\n";
  struct text plain = {(char *)(uintptr_t) "a/other.json", 12};
  unsigned kind = fuzz_byte(&data, &size);
  unsigned head_length = fuzz_byte(&data, &size);
  unsigned name_length = fuzz_byte(&data, &size);
  unsigned left_length = fuzz_byte(&data, &size);
  struct text head = take(&data, &size, head_length);
  struct text name = take(&data, &size, name_length);
  struct text left = take(&data, &size, left_length);
  open_folder();
  struct shard_file file = {
      .number = NUMBER,
      .plan = {(enum shard_form)(FORM_JSONL + kind % 3), "content-type,x-a"},
      .codec = (enum codec)(kind / 3 % 3),
      .dirfd = folder,
      .fd = -1,
      .index_fd = -1};
  list_init(&file.frames);
  shard_names(&file);
  uint8_t *body = fuzz_alloc(size);
  memcpy(body, data, size);
  struct record *a = make(&name, &head, body, size);
  struct record *b = make(&plain, &head, other, sizeof other - 1);
  shard(&file, a, b, &left);
  record_free(a);
  record_free(b);
  free(body);
  free(left.data);
  free(name.data);
  free(head.data);
  return 0;
}
