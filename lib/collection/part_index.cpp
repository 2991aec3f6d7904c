#include "part_index.hpp"

#include "calibration.hpp"

#include <algorithm>

namespace vecstore::detail {

std::vector<neighbor> part_index::search(const part_request& request, part_cost& cost) const {
    if (request.allow != nullptr || request.radius || measured().band_edges().empty()) return find(request, cost);
    // Enough to see how far the query lies; what is re-scored anyway is no less.
    auto wider = request;
    wider.k = std::max(request.k, band_rank);
    auto found = find(wider, cost);
    note(found);
    if (found.size() > request.k) found.resize(request.k);
    return found;
}

void part_index::note(const std::vector<neighbor>& found) const {
    if (found.size() >= band_rank && !measured().band_edges().empty())
        mix_.note(measured().band_of(found[band_rank - 1].distance));
}

}  // namespace vecstore::detail
