#include <crypt.h>
#include <string.h>

// A scratch area of libxcrypt is a struct with an array too long for Swift to import.
static inline size_t formation_crypt_scratch_size(void) { return sizeof(struct crypt_data); }

// A plain memset of memory that is never read again may be left out by the compiler.
static inline void formation_wipe(void *bytes, size_t count) {
#ifdef __APPLE__
    memset_s(bytes, count, 0, count);
#else
    explicit_bzero(bytes, count);
#endif
}
