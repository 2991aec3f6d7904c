#include "memory.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fstream>
#include <string>

namespace vecstore::bench {

resident_bytes resident_now() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    resident_bytes bytes;
    std::ifstream in("/proc/self/smaps_rollup");
    for (std::string key; in >> key;) {
        std::size_t kib = 0;
        if (key == "Rss:" && in >> kib) bytes.total = kib * 1024;
        if (key == "Anonymous:" && in >> kib) bytes.anonymous = kib * 1024;
    }
    return bytes;
}

}  // namespace vecstore::bench
