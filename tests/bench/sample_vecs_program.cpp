// Writes the first rows of the shipped sample, its queries and their exact neighbours as the benchmark reads them.
// usage: sample_vecs_program FOLDER ROWS
#include <vecstore/index/flat.hpp>

#include <common/sample.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace {

template <class T>
void write_row(std::ofstream& out, const std::vector<T>& row) {
    static_assert(sizeof(T) == sizeof(std::int32_t));
    const auto dim = static_cast<std::int32_t>(row.size());
    out.write(reinterpret_cast<const char*>(&dim), sizeof dim);
    out.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * sizeof(T)));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string folder = argv[1];
    const auto data = sample::load(sample::default_folder()).value();
    const auto rows = std::min<std::size_t>(std::stoul(argv[2]), data.vectors.rows);

    std::ofstream base(folder + "/base.fvecs", std::ios::binary), query(folder + "/query.fvecs", std::ios::binary),
        truth(folder + "/truth.ivecs", std::ios::binary);
    vecstore::index::flat exact(data.vectors.dim, vecstore::metric::cosine);
    for (std::size_t i = 0; i < rows; ++i) {
        write_row(base, data.vectors.row(i));
        (void)exact.insert(data.vectors.row(i)).value();
    }
    for (std::size_t q = 0; q < data.query_vectors.rows; ++q) {
        write_row(query, data.query_vectors.row(q));
        std::vector<std::int32_t> nearest;
        for (const auto& n : exact.search(data.query_vectors.row(q), 10).value())
            nearest.push_back(static_cast<std::int32_t>(n.row));
        write_row(truth, nearest);
    }
    return base.flush() && query.flush() && truth.flush() ? 0 : 1;
}
