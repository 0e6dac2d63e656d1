/* SPDX-License-Identifier: MIT
 *
 * AWS Signature Version 4: see sigv4.h. The rules are those of "Authenticating
 * Requests" in the S3 API reference and of "Create a signed request" in the
 * IAM user guide; names of headers and of the algorithm follow the provider,
 * as in libcurl.
 */
#include "config.h"

#include "sigv4.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "bytes.h"

#define CANONICAL_MAX (256u << 10)
#define SIGNED_MAX 64 /* headers */
#define PAIRS_MAX 512 /* of a query */
#define SHA_SIZE 32
#define SHA_HEX 65

struct scope {
  char provider[16]; /* AWS, of the algorithm and the key */
  char vendor[16];   /* amz, of the headers; lower case */
  char last[32];     /* aws4_request */
  char region[64], service[64];
  char stamp[20], day[12]; /* 20150830T123600Z, 20150830 */
  bool s3;                 /* paths are encoded once, the body's digest sent */
};

/* ---- small things -------------------------------------------------------- */

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c) {
  return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static void to_hex(const unsigned char *data, char *out) {
  for (size_t i = 0; i < SHA_SIZE; i++)
    snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static int sha_hex(const void *data, size_t length, char *out) {
  unsigned char sum[SHA_SIZE];
  unsigned size = 0;
  if (EVP_Digest(data, length, sum, &size, EVP_sha256(), NULL) != 1)
    return ERR_NOMEM;
  to_hex(sum, out);
  return 0;
}

/* key becomes HMAC(key, text). */
static int hmac(unsigned char *key, size_t key_len, const char *text) {
  unsigned char out[SHA_SIZE];
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text,
           strlen(text), out, &size) == NULL)
    return ERR_NOMEM;
  memcpy(key, out, SHA_SIZE);
  return 0;
}

/* ---- the scope ------------------------------------------------------------
 */

/* The next part of a scheme into out, which has cap bytes; "" when it is over.
 * False when it is too long or holds other characters. */
static bool next_part(const char **at, char *out, size_t cap) {
  size_t length = strcspn(*at, ":");
  if (length >= cap)
    return false;
  for (size_t i = 0; i < length; i++) {
    char c = (*at)[i];
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.')
      return false;
    out[i] = c;
  }
  out[length] = '\0';
  *at += length;
  *at += **at == ':';
  return true;
}

static int read_scheme(const char *scheme, struct scope *scope) {
  const char *at = scheme;
  memset(scope, 0, sizeof(*scope));
  if (!next_part(&at, scope->provider, sizeof(scope->provider)) ||
      !next_part(&at, scope->vendor, sizeof(scope->vendor)) ||
      !next_part(&at, scope->region, sizeof(scope->region)) ||
      !next_part(&at, scope->service, sizeof(scope->service)) || *at != '\0' ||
      scope->provider[0] == '\0' || strchr(scope->provider, '.') != NULL)
    return ERR_SYNTAX;
  if (scope->vendor[0] == '\0')
    memcpy(scope->vendor, scope->provider, sizeof(scope->vendor));
  for (char *c = scope->provider; *c != '\0'; c++)
    *c = lower(*c);
  snprintf(scope->last, sizeof(scope->last), "%s4_request", scope->provider);
  for (char *c = scope->provider; *c != '\0'; c++)
    *c = upper(*c);
  for (char *c = scope->vendor; *c != '\0'; c++)
    *c = lower(*c);
  return 0;
}

int sigv4_check(const char *scheme) {
  struct scope scope;
  return read_scheme(scheme, &scope);
}

/* Service and region as libcurl takes them from a name, SERVICE.REGION.REST;
 * in Amazon's names a bucket may stand before them. The usual ones of servers
 * of one's own otherwise. */
static void scope_from_host(struct scope *scope, const char *host) {
  static const char amazon[] = ".amazonaws.com";
  const char *service = host, *dot = strchr(host, '.'), *region;
  size_t length = strlen(host), tail = sizeof(amazon) - 1;
  size_t service_len, region_len;
  bool name = host[0] != '[' && strspn(host, "0123456789.") < length;
  if (name && length > tail && strcasecmp(host + length - tail, amazon) == 0) {
    const char *end = host + length - tail, *from = end;
    for (int labels = 0; from > host && (from[-1] != '.' || ++labels < 2);)
      from--;
    service = from;
    dot = memchr(from, '.', (size_t)(end - from));
  }
  region = dot != NULL ? dot + 1 : "";
  region_len = strcspn(region, ".");
  service_len = dot != NULL ? (size_t)(dot - service) : 0;
  if (!name || region[region_len] != '.' || service_len == 0) {
    region = "us-east-1";
    region_len = strlen(region);
    service = "s3";
    service_len = 2;
  }
  if (scope->region[0] == '\0')
    snprintf(scope->region, sizeof(scope->region), "%.*s", (int)region_len,
             region);
  if (scope->service[0] == '\0')
    snprintf(scope->service, sizeof(scope->service), "%.*s", (int)service_len,
             service);
}

static void scope_time(struct scope *scope, int64_t now_unix) {
  time_t now = (time_t)now_unix;
  struct tm tm;
  if (gmtime_r(&now, &tm) == NULL)
    memset(&tm, 0, sizeof(tm));
  strftime(scope->stamp, sizeof(scope->stamp), "%Y%m%dT%H%M%SZ", &tm);
  snprintf(scope->day, sizeof(scope->day), "%.8s", scope->stamp);
}

/* ---- path and query -------------------------------------------------------
 */

static bool is_escape(const char *at, const char *end) {
  static const char hex[] = "0123456789abcdefABCDEF";
  return end - at >= 3 && at[0] == '%' && strchr(hex, at[1]) != NULL &&
         strchr(hex, at[2]) != NULL && at[1] != '\0' && at[2] != '\0';
}

static int hex_value(char c) {
  return c <= '9' ? c - '0' : lower(c) - 'a' + 10;
}

/* One form for what may be written in several: what is unreserved stands as it
 * is, all else but the characters of keep as %XX in capitals. */
static void add_encoded(struct bytes *out, const char *text, size_t length,
                        const char *keep) {
  const char *end = text + length;
  for (const char *at = text; at < end; at++) {
    bool escape = is_escape(at, end);
    char c = escape ? (char)(hex_value(at[1]) * 16 + hex_value(at[2])) : *at;
    if (is_alnum(c) || (c != '\0' && strchr("-._~", c) != NULL) ||
        (!escape && c != '\0' && strchr(keep, c) != NULL))
      bytes_add(out, &c, 1);
    else
      bytes_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    at += escape ? 2 : 0;
  }
}

/* S3 names objects by the path once encoded; others encode what came. */
static int add_path(struct bytes *out, const struct scope *scope,
                    const char *path) {
  struct bytes once;
  int code;
  if (scope->s3) {
    add_encoded(out, path, strlen(path), "/");
    return out->failed;
  }
  bytes_init(&once, CANONICAL_MAX);
  add_encoded(&once, path, strlen(path), "/");
  for (size_t i = 0; i < once.len; i++)
    if (once.data[i] == '%')
      bytes_text(out, "%25");
    else
      bytes_add(out, once.data + i, 1);
  code = once.failed;
  bytes_fini(&once);
  return code != 0 ? code : out->failed;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NAME=VALUE encoded; '+' is what forms make of a space. '=' is made the
 * lowest of all characters meanwhile, so that names are compared first. */
static char *encoded_pair(const char *text, size_t length) {
  struct bytes out;
  size_t name = 0;
  bytes_init(&out, CANONICAL_MAX);
  while (name < length && text[name] != '=')
    name++;
  for (size_t part = 0; part < 2; part++) {
    const char *from = part == 0 ? text : text + name + 1;
    size_t n = part == 0 ? name : name < length ? length - name - 1 : 0;
    for (size_t i = 0; i < n;) {
      size_t plain = 0;
      while (i + plain < n && from[i + plain] != '+')
        plain++;
      add_encoded(&out, from + i, plain, "");
      i += plain;
      if (i < n) {
        bytes_text(&out, "%20");
        i++;
      }
    }
    bytes_add(&out, part == 0 ? "\001" : "", 1);
  }
  if (out.failed == 0)
    return out.data; /* owned by the caller */
  bytes_fini(&out);
  return NULL;
}

static int add_query(struct bytes *out, const char *query) {
  char *pairs[PAIRS_MAX];
  size_t count = 0;
  int code = 0;
  while (*query != '\0' && code == 0) {
    size_t length = strcspn(query, "&");
    if (count == PAIRS_MAX)
      code = ERR_SYNTAX;
    else if (length > 0 && (pairs[count] = encoded_pair(query, length)) == NULL)
      code = ERR_NOMEM;
    else
      count += length > 0;
    query += length;
    query += *query == '&';
  }
  qsort(pairs, count, sizeof(*pairs), by_text);
  for (size_t i = 0; i < count; i++) {
    *strchr(pairs[i], '\001') = '=';
    bytes_text(out, i > 0 ? "&" : "");
    bytes_text(out, pairs[i]);
    free(pairs[i]);
  }
  return code != 0 ? code : out->failed;
}

/* ---- headers --------------------------------------------------------------
 */

/* A line of the request, or one made here; name and value within line. */
struct field {
  const char *line;
  size_t name;
};

static size_t name_length(const char *line) {
  return strcspn(line, ":;");
}

/* The value of a header that the request has already; NULL none. */
static const char *given(const struct curl_slist *list, const char *name) {
  for (; list != NULL; list = list->next) {
    size_t length = name_length(list->data);
    if (length == strlen(name) && strncasecmp(list->data, name, length) == 0 &&
        list->data[length] == ':')
      return list->data + length + 1 + strspn(list->data + length + 1, " \t");
  }
  return NULL;
}

static int by_name(const void *a, const void *b) {
  const struct field *x = a, *y = b;
  size_t shorter = x->name < y->name ? x->name : y->name;
  int order = strncasecmp(x->line, y->line, shorter);
  return order != 0 ? order : (x->name > y->name) - (x->name < y->name);
}

/* Runs of blanks in a value count as one. */
static void add_value(struct bytes *out, const char *value) {
  const char *end = value + strlen(value);
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  for (; value < end; value++) {
    bool blank = *value == ' ' || *value == '\t';
    if (!blank)
      bytes_add(out, value, 1);
    else if (value[1] != ' ' && value[1] != '\t')
      bytes_text(out, " ");
  }
}

static void add_lower(struct bytes *out, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    char c = lower(text[i]);
    bytes_add(out, &c, 1);
  }
}

/* Host and what begins with the vendor's name must be signed, the type of a
 * body should be. */
static bool is_signed(const char *line, size_t length, const char *prefix) {
  return strncasecmp(line, prefix, strlen(prefix)) == 0 ||
         (length == 4 && strncasecmp(line, "host", 4) == 0) ||
         (length == 12 && strncasecmp(line, "content-type", 12) == 0);
}

static int collect(struct field *out, size_t *count, const char *prefix,
                   const struct curl_slist *list) {
  for (; list != NULL; list = list->next) {
    size_t length = name_length(list->data);
    if (length == 0 || !is_signed(list->data, length, prefix))
      continue;
    if (*count == SIGNED_MAX)
      return ERR_SYNTAX;
    out[*count].line = list->data;
    out[(*count)++].name = length;
  }
  return 0;
}

/* "name:value\n" of each, an empty line, "name;name". */
static void add_fields(struct bytes *out, struct bytes *names,
                       struct field *fields, size_t count) {
  qsort(fields, count, sizeof(*fields), by_name);
  for (size_t i = 0; i < count; i++) {
    const char *value = fields[i].line + fields[i].name;
    add_lower(out, fields[i].line, fields[i].name);
    bytes_text(out, ":");
    add_value(out, *value == ':' ? value + 1 : "");
    bytes_text(out, "\n");
    bytes_text(names, i > 0 ? ";" : "");
    add_lower(names, fields[i].line, fields[i].name);
  }
  bytes_printf(out, "\n%.*s", (int)names->len,
               names->len > 0 ? names->data : "");
}

/* ---- the signature --------------------------------------------------------
 */

static int signature(const struct scope *scope, const char *secret,
                     const char *to_sign, char *out) {
  unsigned char key[512];
  int n = snprintf((char *)key, sizeof(key), "%s4%s", scope->provider, secret);
  int code = n > 0 && (size_t)n < sizeof(key) ? 0 : ERR_SYNTAX;
  if (code == 0)
    code = hmac(key, (size_t)n, scope->day);
  if (code == 0)
    code = hmac(key, SHA_SIZE, scope->region);
  if (code == 0)
    code = hmac(key, SHA_SIZE, scope->service);
  if (code == 0)
    code = hmac(key, SHA_SIZE, scope->last);
  if (code == 0)
    code = hmac(key, SHA_SIZE, to_sign);
  to_hex(key, out);
  OPENSSL_cleanse(key, sizeof(key));
  return code;
}

/* ---- the request ----------------------------------------------------------
 */

struct work {
  const struct sigv4_request *request;
  struct scope scope;
  CURLU *url;
  char *host, *port, *path, *query; /* of url */
  char body[SHA_HEX];               /* its digest, or what stands for it */
  char date_line[80], body_line[160], host_line[320];
  struct bytes canonical, names;
};

static int part(struct work *w, CURLUPart what, char **out) {
  CURLUcode code = curl_url_get(w->url, what, out, 0);
  if (code == CURLUE_NO_PORT || code == CURLUE_NO_QUERY)
    return 0;
  if (code == CURLUE_OUT_OF_MEMORY)
    return ERR_NOMEM;
  return code == CURLUE_OK ? 0 : ERR_SYNTAX;
}

/* As libcurl will send it: without dot segments. */
static int take_url(struct work *w) {
  int code = 0;
  w->url = curl_url();
  if (w->url == NULL)
    return ERR_NOMEM;
  if (curl_url_set(w->url, CURLUPART_URL, w->request->url, 0) != CURLUE_OK)
    return ERR_SYNTAX;
  code = part(w, CURLUPART_HOST, &w->host);
  if (code == 0)
    code = part(w, CURLUPART_PORT, &w->port);
  if (code == 0)
    code = part(w, CURLUPART_PATH, &w->path);
  return code == 0 ? part(w, CURLUPART_QUERY, &w->query) : code;
}

/* libcurl leaves a port out that is the scheme's own. */
static void make_host_line(struct work *w) {
  bool tls = strncasecmp(w->request->url, "https:", 6) == 0;
  bool usual = w->port == NULL || strcmp(w->port, tls ? "443" : "80") == 0;
  snprintf(w->host_line, sizeof(w->host_line), "Host:%.256s%s%.8s", w->host,
           usual ? "" : ":", usual ? "" : w->port);
}

/* What the user's headers say goes first: a date of one's own, a body that is
 * not to be signed. */
static int make_lines(struct work *w) {
  const struct curl_slist *headers = w->request->headers;
  struct scope *scope = &w->scope;
  char name[48];
  const char *own;
  int code = 0;
  make_host_line(w);
  snprintf(name, sizeof(name), "X-%s-Date", scope->vendor);
  name[2] = upper(name[2]);
  own = given(headers, name);
  if (own != NULL && strlen(own) == 16)
    snprintf(scope->stamp, sizeof(scope->stamp), "%s", own);
  else
    snprintf(w->date_line, sizeof(w->date_line), "%s: %s", name, scope->stamp);
  snprintf(scope->day, sizeof(scope->day), "%.8s", scope->stamp);
  snprintf(name, sizeof(name), "X-%s-Content-Sha256", scope->vendor);
  name[2] = upper(name[2]);
  own = given(headers, name);
  if (own != NULL && strlen(own) < sizeof(w->body))
    snprintf(w->body, sizeof(w->body), "%s", own);
  else
    code = sha_hex(w->request->body != NULL ? w->request->body : "",
                   w->request->body_length, w->body);
  if (own == NULL && scope->s3)
    snprintf(w->body_line, sizeof(w->body_line), "%s: %s", name, w->body);
  return code;
}

static int make_canonical(struct work *w) {
  struct curl_slist lines[3] = {{w->host_line, &lines[1]},
                                {w->date_line, &lines[2]},
                                {w->body_line, NULL}};
  struct field fields[SIGNED_MAX];
  size_t count = 0;
  char prefix[32];
  int code;
  snprintf(prefix, sizeof(prefix), "x-%s-", w->scope.vendor);
  bytes_printf(&w->canonical, "%s\n", w->request->method);
  code = add_path(&w->canonical, &w->scope, w->path);
  bytes_text(&w->canonical, "\n");
  if (code == 0 && w->query != NULL)
    code = add_query(&w->canonical, w->query);
  bytes_text(&w->canonical, "\n");
  if (code == 0)
    code = collect(fields, &count, prefix, w->request->headers);
  if (code == 0)
    code =
        collect(fields, &count, prefix,
                given(w->request->headers, "Host") != NULL ? &lines[1] : lines);
  if (code == 0)
    add_fields(&w->canonical, &w->names, fields, count);
  bytes_printf(&w->canonical, "\n%s", w->body);
  return code != 0 ? code : w->canonical.failed;
}

static int append(struct curl_slist **list, const char *line) {
  struct curl_slist *grown = curl_slist_append(*list, line);
  if (grown == NULL)
    return ERR_NOMEM;
  *list = grown;
  return 0;
}

static int put(struct work *w, struct curl_slist **list) {
  const struct scope *s = &w->scope;
  const char *pwd = w->request->user_pwd, *colon = strchr(pwd, ':');
  int key_len = colon != NULL ? (int)(colon - pwd) : (int)strlen(pwd);
  char area[256], to_sign[512], sum[SHA_HEX], sign[SHA_HEX], line[2048];
  int code = sha_hex(w->canonical.data, w->canonical.len, sum), n;
  snprintf(area, sizeof(area), "%s/%s/%s/%s", s->day, s->region, s->service,
           s->last);
  snprintf(to_sign, sizeof(to_sign), "%s4-HMAC-SHA256\n%s\n%s\n%s", s->provider,
           s->stamp, area, sum);
  if (code == 0)
    code = signature(s, colon != NULL ? colon + 1 : "", to_sign, sign);
  n = snprintf(line, sizeof(line),
               "Authorization: %s4-HMAC-SHA256 Credential=%.*s/%s, "
               "SignedHeaders=%.*s, Signature=%s",
               s->provider, key_len, pwd, area, (int)w->names.len,
               w->names.data, code == 0 ? sign : "");
  if (code == 0 && (n < 0 || (size_t)n >= sizeof(line)))
    code = ERR_SYNTAX;
  if (code == 0 && w->date_line[0] != '\0')
    code = append(list, w->date_line);
  if (code == 0 && w->body_line[0] != '\0')
    code = append(list, w->body_line);
  return code == 0 ? append(list, line) : code;
}

int sigv4_sign(const struct sigv4_request *request, struct curl_slist **list) {
  struct work w;
  int code;
  if (given(request->headers, "Authorization") != NULL)
    return 0;
  memset(&w, 0, sizeof(w));
  w.request = request;
  bytes_init(&w.canonical, CANONICAL_MAX);
  bytes_init(&w.names, CANONICAL_MAX);
  code = read_scheme(request->scheme, &w.scope);
  if (code == 0)
    code = take_url(&w);
  if (code == 0) {
    scope_from_host(&w.scope, w.host);
    scope_time(&w.scope, request->now_unix);
    w.scope.s3 = strcmp(w.scope.service, "s3") == 0;
    code = make_lines(&w);
  }
  if (code == 0)
    code = make_canonical(&w);
  if (code == 0)
    code = put(&w, list);
  curl_free(w.host);
  curl_free(w.port);
  curl_free(w.path);
  curl_free(w.query);
  curl_url_cleanup(w.url);
  bytes_fini(&w.canonical);
  bytes_fini(&w.names);
  return code;
}
