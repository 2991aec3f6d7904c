#include <vecstore/index/ivf/slab_batch.hpp>
#include <vecstore/index/ivf/take_least.hpp>
#include <vecstore/quantization/fast_scan.hpp>

namespace vecstore::index::detail {
namespace {

struct ranked {
    float distance = 0;
    std::uint32_t list = 0;
};

/// The lists of a few queries, one query after another: [count, nprobe].
class ranking {
public:
    ranking(const ivf_lists& lists, std::size_t nprobe)
        : lists_(lists),
          nprobe_(nprobe),
          padded_(lists.panel_count() * quantization::panel_rows),
          products_(together * padded_),
          centered_(together * lists.dim()) {}

    void run(std::span<const float> queries, std::uint32_t* out) {
        const auto dim = lists_.dim();
        for (std::size_t at = 0; at < queries.size(); at += together * dim) {
            const auto some = queries.subspan(at, std::min(together * dim, queries.size() - at));
            for (std::size_t i = 0; i < some.size(); ++i) centered_[i] = some[i] - lists_.mean()[i % dim];
            quantization::active_fast_scan().dots(centered_.data(), some.size() / dim, dim, lists_.centroids(),
                                                  lists_.panel_count(), dim, products_.data(), padded_);
            for (std::size_t q = 0; q < some.size() / dim; ++q, out += nprobe_)
                rank(products_.data() + q * padded_, out);
        }
    }

private:
    static constexpr std::size_t together = 32;

    void rank(const float* products, std::uint32_t* out) {
        const bool inner = lists_.metric() != metric::euclid;
        const float* const half_norms = lists_.half_norms();
        all_.resize(lists_.list_count());
        for (std::size_t l = 0; l < all_.size(); ++l)
            all_[l] = {(inner ? 0 : half_norms[l]) - products[l], static_cast<std::uint32_t>(l)};
        take_least(all_, nprobe_, taken_, [](const ranked& r) { return r.distance; });
        for (const auto& r : taken_) *out++ = r.list;
    }

    const ivf_lists& lists_;
    std::size_t nprobe_, padded_;
    std::vector<float> products_, centered_;
    std::vector<ranked> all_, taken_;
};

}  // namespace

probe_table probes_of(const ivf_lists& lists, std::span<const float> queries, std::size_t nprobe) {
    const auto count = queries.size() / lists.dim();
    std::vector<std::uint32_t> of_query(count * nprobe);
    ranking(lists, nprobe).run(queries, of_query.data());
    // Counting sort: each start becomes the end of its list, then the starts move up by one.
    probe_table table{std::vector<std::uint32_t>(lists.list_count() + 2), std::vector<std::uint32_t>(of_query.size())};
    for (const auto list : of_query) ++table.starts[list + 2];
    for (std::size_t l = 2; l < table.starts.size(); ++l) table.starts[l] += table.starts[l - 1];
    for (std::size_t i = 0; i < of_query.size(); ++i)
        table.queries[table.starts[of_query[i] + 1]++] = static_cast<std::uint32_t>(i / nprobe);
    table.starts.pop_back();
    return table;
}

}  // namespace vecstore::index::detail
