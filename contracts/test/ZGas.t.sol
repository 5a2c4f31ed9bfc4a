// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
import {BatchHeader, Charge, Endorsement} from "../src/types/Batch.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";
contract ZGasTest is Base {
    function test_zgas() public {
        deploySystem();
        stakeValidators(15, 10 ether);
        for (uint64 n = 1; n <= 2; n++) {
            BatchHeader memory h = headerFor(n, 0, new Charge[](0));
            h.charges = 0;
            Endorsement[] memory e = new Endorsement[](14);
            for (uint256 i = 0; i < 14; i++) e[i] = endorsement(validatorKeys[i], h);
            VM.prank(VM.addr(validatorKeys[14]));
            ledger.post(h, e, new Charge[](0));
            VM.warp(block.timestamp + WINDOW);
            ledger.finalise(h);
        }
    }
}
