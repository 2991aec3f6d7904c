#include "vecs.hpp"

#include <cstring>
#include <fstream>
#include <stdexcept>

namespace vecstore::bench {

namespace {

template <class T>
matrix<T> read_vecs(const std::string& path) {
    static_assert(sizeof(T) == sizeof(std::int32_t));
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) throw std::runtime_error("cannot open " + path);
    const auto bytes = static_cast<std::size_t>(in.tellg());
    in.seekg(0);
    std::int32_t dim = 0;
    if (!in.read(reinterpret_cast<char*>(&dim), sizeof dim) || dim <= 0)
        throw std::runtime_error(path + " does not begin with a dimension");
    const auto row_bytes = (static_cast<std::size_t>(dim) + 1) * sizeof(T);
    if (bytes % row_bytes != 0) throw std::runtime_error(path + " is not a whole number of rows");
    matrix<T> m{{}, bytes / row_bytes, static_cast<std::size_t>(dim)};
    m.values.resize(m.rows * m.dim);
    in.seekg(0);
    for (std::size_t i = 0; i < m.rows; ++i) {
        std::int32_t row_dim = 0;
        in.read(reinterpret_cast<char*>(&row_dim), sizeof row_dim);
        in.read(reinterpret_cast<char*>(m.row(i)), static_cast<std::streamsize>(m.dim * sizeof(T)));
        if (!in || row_dim != dim)
            throw std::runtime_error(path + ": row " + std::to_string(i) + " is not like the first");
    }
    return m;
}

}  // namespace

matrix<float> read_fvecs(const std::string& path) { return read_vecs<float>(path); }
matrix<std::int32_t> read_ivecs(const std::string& path) { return read_vecs<std::int32_t>(path); }

}  // namespace vecstore::bench
