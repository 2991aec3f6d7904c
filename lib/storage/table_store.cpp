#include <vecstore/storage/table_store.hpp>

namespace vecstore::storage {

result<void> table_writer::erase_prefix(table_id table, byte_span prefix) {
    // The end of the range: the prefix without its trailing 0xFF bytes, the last byte plus one; none when all are 0xFF.
    byte_vector last(prefix.begin(), prefix.end());
    while (!last.empty() && last.back() == std::byte{0xFF}) last.pop_back();
    if (!last.empty()) last.back() = static_cast<std::byte>(static_cast<unsigned>(last.back()) + 1);
    return erase_range(table, prefix, last);
}

}  // namespace vecstore::storage
