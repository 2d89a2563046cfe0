/* Stands between a program and its C library, and fails where it is told to, as a file system does
   that cannot do what it is asked. Put into a program by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int changes;

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

/* The program dies at its change number HINDER_CRASH_AT to a file. */
static int is_the_last(void) {
    return atomic_fetch_add(&changes, 1) + 1 == number("HINDER_CRASH_AT");
}

static void change(void) {
    if (is_the_last())
        _exit(99);
}

#define REAL(name, ...) ((int (*)())dlsym(RTLD_NEXT, name))(__VA_ARGS__)

int rename(const char *from, const char *to) {
    change();
    if ((errno = number("HINDER_RENAME")))
        return -1;
    return REAL("rename", from, to);
}

/* A new file has the mode HINDER_MODE, whatever is asked for, and keeps it. */
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    int file = REAL("open64", path, flags, mode);
    if (file >= 0 && flags & O_CREAT && number("HINDER_MODE"))
        REAL("fchmod", file, number("HINDER_MODE"));
    return file;
}

int fchmod(int file, mode_t mode) {
    return number("HINDER_MODE") ? 0 : REAL("fchmod", file, mode);
}

int flock(int file, int operation) {
    if ((errno = number("HINDER_FLOCK")))
        return -1;
    return REAL("flock", file, operation);
}

/* Only what is there cannot be removed. */
int unlink(const char *path) {
    change();
    int error = number("HINDER_UNLINK");
    if (error && access(path, F_OK) == 0) {
        errno = error;
        return -1;
    }
    return REAL("unlink", path);
}

int ftruncate64(int file, off_t length) {
    change();
    return ((int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64"))(file, length);
}

int fsync(int file) {
    change();
    return REAL("fsync", file);
}

int fdatasync(int file) {
    change();
    return REAL("fdatasync", file);
}

/* The last one writes only a half. */
ssize_t write(int file, const void *bytes, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (file > 2 && is_the_last()) {
        real(file, bytes, length / 2);
        _exit(99);
    }
    return real(file, bytes, length);
}
