// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParams} from "../interfaces/IParams.sol";
import {Param} from "../types/Param.sol";

/// @notice How long stake and escrow stay after a request to leave.
library Exits {
    /**
     * @notice The governed delay, or longer where a batch could be posted now and disputed to the end in less: whatever
     * governance sets, nobody leaves before the last word on what it has signed.
     */
    function delaySeconds(IParams params) internal view returns (uint64) {
        uint64 epoch = params.epoch();
        uint64 governed = params.valueAt(Param.ExitDelaySeconds, epoch);
        uint64 answer = params.valueAt(Param.AnswerSeconds, epoch);
        uint64 jury = params.valueAt(Param.CommitSeconds, epoch) + params.valueAt(Param.RevealSeconds, epoch);
        uint64 dispute = params.valueAt(Param.WindowSeconds, epoch) + (answer > jury ? answer : jury);
        return governed > dispute ? governed : dispute + 1;
    }
}
