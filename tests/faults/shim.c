/* Calls of the system that fail when they are told to: preloaded into a process, and told by fault_arm().
 *
 * Only calls on paths below one directory count, and on descriptors of files there. The n-th of the kinds that are asked
 * for fails, once or with all that follow. A close that fails has closed; a write may be short instead of failing, and
 * the process may be killed before the call.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ = 1, CREATE = 2, WRITE = 4, RENAME = 8, SYNC = 16, MKDIR = 32, UNLINK = 64, CLOSE = 128, TRUNCATE = 256, LIST = 512 };

static char base[4096];
static size_t base_size;
static int kinds, error_number, for_ever, trace = -1;
static long first;
static atomic_long calls;
static char last[5000];

void fault_arm(const char *below, int which, long n, int number, int ever) {
    kinds = 0;
    base_size = strlen(below);
    memcpy(base, below, base_size + 1);
    first = n, error_number = number, for_ever = ever;
    calls = 0;
    last[0] = 0;
    kinds = which;
}

void fault_disarm(void) { kinds = 0; }
void fault_trace(int descriptor) { trace = descriptor; }
const char *fault_last(void) { return last; }

static int is_below(const char *path) {
    return strncmp(path, base, base_size) == 0 && (path[base_size] == '/' || path[base_size] == 0);
}

/* Whether this call fails; path is absolute, or relative to a descriptor; NULL for the descriptor itself. */
static int fails(int kind, int folder, const char *path, const char *what) {
    char link[64], full[8300];
    if (!(kinds & kind))
        return 0;
    int before = errno;
    if (path && path[0] == '/') {
        snprintf(full, sizeof full, "%s", path);
    } else {
        if (folder < 0)
            return 0;
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, full, 4096);
        errno = before;
        if (size <= 0)
            return 0;
        full[size] = 0;
        if (path)
            snprintf(full + size, sizeof full - size, "/%s", path);
    }
    if (!is_below(full))
        return 0;
    long number = calls++;
    if (trace >= 0)
        dprintf(trace, "%d %s %s\n", kind, what, full);
    if (number != first && !(for_ever && number > first))
        return 0;
    snprintf(last, sizeof last, "%s %.4096s", what, full);
    if (error_number < 0) /* the number of a signal */
        kill(getpid(), -error_number);
    errno = error_number;
    return 1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int kind_of(int flags) { return flags & (O_WRONLY | O_RDWR | O_CREAT) ? CREATE : READ; }

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...) {                            \
        REAL(name);                                                         \
        va_list rest;                                                       \
        va_start(rest, flags);                                              \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                       \
        return fails(kind_of(flags), -1, path, "open") ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                        \
    int name(int folder, const char *path, int flags, ...) {                \
        REAL(name);                                                         \
        va_list rest;                                                       \
        va_start(rest, flags);                                              \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                       \
        return fails(kind_of(flags), folder, path, "open") ? -1 : real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

DIR *opendir(const char *path) {
    REAL(opendir);
    return fails(LIST, -1, path, "opendir") ? NULL : real(path);
}

DIR *fdopendir(int descriptor) {
    REAL(fdopendir);
    return fails(LIST, descriptor, NULL, "fdopendir") ? NULL : real(descriptor);
}

/* With error number 0 half of the bytes are taken. */
static size_t part(size_t size) { return size > 1 ? size / 2 : size; }

#define FAILING_WRITE(descriptor, size)                                     \
    if (fails(WRITE, descriptor, NULL, "write")) {                          \
        if (error_number)                                                   \
            return -1;                                                      \
        size = part(size);                                                  \
    }

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write);
    FAILING_WRITE(descriptor, size)
    return real(descriptor, data, size);
}

#define PWRITE(name, offset)                                                \
    ssize_t name(int descriptor, const void *data, size_t size, offset at) { \
        REAL(name);                                                         \
        FAILING_WRITE(descriptor, size)                                     \
        return real(descriptor, data, size, at);                            \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
    REAL(writev);
    if (fails(WRITE, descriptor, NULL, "writev")) {
        if (error_number)
            return -1;
        count = (int)part((size_t)count);
    }
    return real(descriptor, pieces, count);
}

#define SENDFILE(name, offset)                                              \
    ssize_t name(int out, int in, offset *at, size_t size) {                \
        ssize_t (*real)(int, int, offset *, size_t) = dlsym(RTLD_NEXT, #name); \
        FAILING_WRITE(out, size)                                            \
        return real(out, in, at, size);                                     \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range);
    FAILING_WRITE(out, size)
    return real(in, from, out, to, size, flags);
}

#define PLAIN(kind, result, name, declared, given, folder, path)            \
    result name declared {                                                  \
        REAL(name);                                                         \
        return fails(kind, folder, path, #name) ? -1 : real given;          \
    }
PLAIN(RENAME, int, rename, (const char *from, const char *to), (from, to), -1, to)
PLAIN(RENAME, int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to)
PLAIN(RENAME, int, link, (const char *from, const char *to), (from, to), -1, to)
PLAIN(RENAME, int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), b, to)
PLAIN(RENAME, int, symlink, (const char *from, const char *to), (from, to), -1, to)
PLAIN(MKDIR, int, mkdir, (const char *path, mode_t mode), (path, mode), -1, path)
PLAIN(MKDIR, int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), folder, path)
PLAIN(UNLINK, int, unlink, (const char *path), (path), -1, path)
PLAIN(UNLINK, int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder, path)
PLAIN(UNLINK, int, rmdir, (const char *path), (path), -1, path)
PLAIN(SYNC, int, fsync, (int descriptor), (descriptor), descriptor, NULL)
PLAIN(SYNC, int, fdatasync, (int descriptor), (descriptor), descriptor, NULL)
PLAIN(TRUNCATE, int, ftruncate, (int descriptor, off_t size), (descriptor, size), descriptor, NULL)
PLAIN(TRUNCATE, int, ftruncate64, (int descriptor, off64_t size), (descriptor, size), descriptor, NULL)

/* Whether a file may be written by its descriptor: the others have nothing to say when they are closed. */
static int is_writable(int descriptor) {
    int before = errno, flags = fcntl(descriptor, F_GETFL);
    errno = before;
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int close(int descriptor) {
    REAL(close);
    int fault = kinds && is_writable(descriptor) && fails(CLOSE, descriptor, NULL, "close");
    int number = errno, result = real(descriptor);
    if (!fault)
        return result;
    errno = number;
    return -1;
}
