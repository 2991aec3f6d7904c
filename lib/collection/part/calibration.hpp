/// What searches of one index of one part were measured to find and to cost, so that a query can ask for recall.
/// Thread safety: constant after `add_table`.
///
/// Saved form (section CALB of the files of indexes, little-endian; values are on disk, do not renumber):
/// | what                | bytes | |
/// |---------------------|-------|-|
/// | edges of bands      | 4     | 0 or 3, then as many f32, ascending |
/// | tables              | 4     | |
/// | for each: k         | 4     | ascending |
/// |   steps             | 4     | at least 1, at most 64 |
/// |   for each step     | 36    | u32 breadth (ascending), u32 rescored, f32 recall, f32 its standard error, f32 microseconds, 4 f32: recall of each band |
#pragma once

#include "part_index.hpp"

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vecstore::detail {

/// One rung of the ladder: all queries of the sample, searched with one setting.
struct measured_step {
    search_setting setting;
    float recall = 0;                              ///< mean over the queries
    float recall_error = 0;                        ///< standard error of that mean
    float microseconds = 0;                        ///< of the processor, for a query; 0 = not measured
    std::array<float, query_bands> band_recall{};  ///< mean over the queries of each band (query_mix.hpp)

    friend bool operator==(const measured_step&, const measured_step&) = default;
};

/// What a query gets for its recall and k.
struct chosen_setting {
    search_setting setting;
    float recall = 0;         ///< expected: the mean less one standard error
    float microseconds = 0;   ///< expected; 0 = unknown
    bool reached = false;     ///< false when no measured setting has the recall asked for; then it is the best there is
    bool by_queries = false;  ///< measured with queries that came, too; else with rows alone
};

/// What was measured for one number of neighbours.
struct measured_table {
    std::uint32_t k = 0;
    std::vector<measured_step> steps;  ///< ascending in breadth, at least one

    friend bool operator==(const measured_table&, const measured_table&) = default;
};

class calibration {
public:
    /// Band b lies below edge b, the last band beyond all. Without edges recall is that of all queries together.
    void set_band_edges(std::span<const float> edges) { band_edges_.assign(edges.begin(), edges.end()); }
    [[nodiscard]] std::span<const float> band_edges() const noexcept { return band_edges_; }
    [[nodiscard]] std::size_t band_of(float distance) const noexcept;

    /// The rungs measured for `k` neighbours, ascending in breadth. Tables come in ascending order of k.
    void add_table(std::uint32_t k, std::vector<measured_step> steps);

    [[nodiscard]] bool empty() const noexcept { return tables_.empty(); }
    /// Ascending in k.
    [[nodiscard]] std::span<const measured_table> tables() const noexcept { return tables_; }
    /// The share that queries of these bands are measured to miss with `step`, one of this calibration.
    [[nodiscard]] double missed(const measured_step& step, const band_shares& shares) const noexcept;

    /// The cheapest setting that is expected to find the share `recall` of the `k` nearest: between two rungs the errors
    /// are taken to fall with a power of the breadth, between two values of k the settings grow with a power of k.
    /// Expected is the mean less one standard error, not the mean: 1,000 queries leave an error of about 0.003, and to ask for
    /// a little too much costs less than to give too little.
    /// Precondition: not empty.
    /// Cost: some logarithms.
    [[nodiscard]] chosen_setting choose(double recall, std::size_t k,
                                        const band_shares& shares = shares_of_rows) const noexcept;

    /// What a search of this breadth re-scores, and is expected to find.
    [[nodiscard]] chosen_setting at_breadth(std::size_t breadth, std::size_t k,
                                            const band_shares& shares = shares_of_rows) const noexcept;

    void save(byte_writer& out) const;
    /// Errors: corruption.
    [[nodiscard]] static result<calibration> load(byte_span bytes);
    /// Section CALB of version 1: u32 count, then for each u32 ef, f32 recall at 10.
    [[nodiscard]] static result<calibration> load_version_1(byte_span bytes);

    friend bool operator==(const calibration&, const calibration&) = default;

private:
    template <class Pick>
    [[nodiscard]] chosen_setting between_tables(std::size_t k, const Pick& pick) const noexcept;

    std::vector<float> band_edges_;
    std::vector<measured_table> tables_;
};

}  // namespace vecstore::detail
