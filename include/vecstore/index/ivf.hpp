/// Inverted lists: rows are kept in lists around centroids, a search scans the lists nearest to the query.
/// Papers: Jegou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011 (lists of residual codes);
/// Andre, Kermarrec, Le Scouarnec, arXiv:1812.09162 (scan); Sun et al., arXiv:2404.00774 (SOAR, second assignment);
/// Gao & Long, arXiv:2405.12497 (RaBitQ).
/// Differs: one set of tables serves all lists, those of rabitq too. With pq4, x = c + r for a row in the list of centroid
/// c, and r coded as p:
/// | metric | distance, estimated |
/// |---|---|
/// | cosine, dot | const - q.c - q.p - term(x) abs(q) |
/// | euclid      | abs(q - c)^2 - 2 q.p + term(x) |
/// | manhattan   | sum abs(q - p), where x itself is coded, not r |
/// The term, one byte a row, holds what is known of the row alone: for euclid 2 c.p + p.p - e.e with e = r - p, for
/// cosine and dot the part of e along x, which a near query shares.
///
/// `build_ivf` makes bytes, `ivf` searches bytes; there is no other form.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/search.hpp>
#include <vecstore/index/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace vecstore::index {

struct ivf_options {
    std::size_t dim = 0;
    vecstore::metric metric = vecstore::metric::cosine;
    /// 0: chosen from the number of rows. More lists: fewer rows scanned, more centroids compared, slower build.
    std::size_t lists = 0;
    /// pq4 is the fastest; what the others are for stands at `ivf_code`.
    ivf_code code = ivf_code::pq4;
    /// Puts each row into a second list as well, so that fewer lists must be probed; the codes take twice the memory.
    /// Only for pq4 under cosine, dot and euclid. Off: at equal speed it gave little or no more recall on the sets measured, since
    /// scanning is cheap.
    bool second_assignment = false;
    std::uint64_t seed = 42;
    std::size_t threads = 1;
};

/// Copies rows [first, first + count) into `out` [count, dim] f32. Called from several threads when `threads` > 1.
using ivf_row_reader = std::function<void(row_id first, std::size_t count, float* out)>;
/// Called now and then; false stops the work. `done` rises to `total`.
using ivf_keep_going = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Trains centroids and codes on a sample of the rows, and writes all rows into lists.
/// Rows of a cosine index have unit length. Deterministic for one thread count, seed and processor.
/// Errors: invalid_argument (dim, no rows, options out of range, sums that overflow), unsupported (hamming; manhattan with
/// rabitq; int8 beyond codec_dim_max dimensions; a library without FAISS),
/// resource_exhausted (too many rows for 32-bit entries), cancelled (by `keep_going`), internal (the trainer failed).
/// Cost:   O(rows * lists * dim) multiplications and O(sample * lists * dim) for each of about ten rounds of training.
[[nodiscard]] result<ivf_bytes> build_ivf(const ivf_options& options, row_id row_count, const ivf_row_reader& read,
                                          const ivf_keep_going& keep_going = {});

/// The same over any source of rows; those of a cosine index are brought to unit length.
template <row_source Rows>
[[nodiscard]] result<ivf_bytes> build_ivf(const ivf_options& options, const Rows& rows,
                                          const ivf_keep_going& keep_going = {}) {
    const auto dim = rows.dim();
    const auto read = [&rows, dim, m = options.metric](row_id first, std::size_t count, float* out) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<float> values(out + i * dim, dim);
            read_row(rows, static_cast<row_id>(first + i), values);
            if (m == metric::cosine) (void)normalize(values);
        }
    };
    return build_ivf(options, rows.size(), read, keep_going);
}

}  // namespace vecstore::index
