// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Account} from "../../src/libraries/Escrows.sol";
import {Way} from "../../src/libraries/Evidence.sol";
import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Kept, SettlementState} from "./SettlementState.sol";
import {Trees} from "./Trees.sol";
import {hashOf} from "./Settled.sol";
import {VM} from "./Vm.sol";
import {PLAIN} from "../../src/types/Fault.sol";

/// @notice Payers, batches good and bad, ends of windows, faults and claims, in any order.
abstract contract BatchActions is SettlementState {
    uint256 public claims;
    uint256 public givenBack;

    function deposit(uint256 seed, uint96 amountWei) public step {
        uint256 boundedWei = clamp(amountWei, 0, 1000 ether);
        fund(boundedWei);
        escrow.deposit{value: boundedWei}(payer(seed % PAYERS));
    }

    function requestExit(uint256 seed, uint256 amountWei) external step {
        uint256 upToWei = balanceOf(seed % PAYERS);
        VM.prank(payer(seed % PAYERS));
        escrow.requestExit(clamp(amountWei, 0, upToWei));
    }

    /// @dev Tried at any time: what it pays is seen in the payer's balance.
    function withdraw(uint256 seed) external step {
        VM.prank(payer(seed % PAYERS));
        try escrow.withdraw() {} catch {}
    }

    /// @dev Often less than a window, sometimes more than the delay of an exit.
    function passTime(uint256 seconds_) external step {
        VM.warp(block.timestamp + clamp(seconds_, 0, 2 * EXIT_DELAY));
        VM.roll(block.number + clamp(seconds_ >> 32, 0, 300));
    }

    function postOpen(uint256 seed) external step {
        (BatchHeader memory header,, uint256[] memory earned) = _batch(seed, false);
        _post(seed, header, new Charge[](0), earned);
    }

    function postCollecting(uint256 seed) public step {
        (BatchHeader memory header, Charge[] memory charges, uint256[] memory earned) = _batch(seed, true);
        if (charges.length > 0) _post(seed, header, charges, earned);
    }

    /// @notice All that goes well, in a row: it takes that many calls that chance alone seldom gets there.
    function prosper(uint256 seed) external step {
        deposit(seed, uint96(clamp(seed >> 32, 1 ether, 10 ether)));
        postCollecting(seed);
        VM.warp(block.timestamp + WINDOW);
        for (uint64 number = finalised; number < posted; number++) {
            finalise(0);
        }
        for (uint256 i = 0; i < PAYEES; i++) {
            // Sometimes the stakers' part alone.
            if (seed >> 8 & 1 == 0 || payees[i] == address(vault)) claim(i, 1);
        }
    }

    /// @notice A batch with one thing wrong.
    function postBadly(uint256 seed) external step {
        (BatchHeader memory header, Charge[] memory charges,) = _batch(seed, true);
        uint256 index = proposer(seed);
        if (charges.length == 0 || index == NODES) return;
        header.proposer = node(index);
        uint256 fault_ = seed % 9;
        if (fault_ == 0) header.number++;
        if (fault_ == 1) header.number--;
        if (fault_ == 2) header.payoutRoot = bytes32(type(uint256).max);
        if (fault_ == 3) header.collectedWei++;
        if (fault_ == 4) header.openWei++;
        if (fault_ == 5) header.strictness++;
        if (fault_ == 6 && !_overcharge(header, charges)) return;
        if (fault_ == 8) header.epoch++;
        Endorsement[] memory signed = signedByAll(header);
        if (fault_ == 7) signed = new Endorsement[](0);
        asPoster();
        try ledger.post(header, signed, charges) {
            scandals++;
        } catch {}
    }

    /// @notice A batch that was taken back, in its old place and with the signatures that it had.
    function postAgain(uint256 seed) external step {
        for (uint256 place = kept.length; --place > 0;) {
            Kept storage old = kept[place];
            if (!old.isVoid || old.header.number != posted + 1 || (seed >> place) & 1 == 1) continue;
            Endorsement[] memory signed = signedByAll(old.header);
            asPoster();
            try ledger.post(old.header, signed, old.charges) {
                scandals++;
            } catch {}
            return;
        }
    }

    function finalise(uint256 seed) public step {
        // Every other time the right one, or little would ever be final.
        uint64 number = seed % 2 == 0 ? finalised + 1 : uint64(clamp(seed >> 1, 1, uint256(posted) + 1));
        Kept storage batch = kept[number > posted ? 0 : places[number]];
        uint256 finalAt = ledger.batchOf(number).finalAt;
        try ledger.finalise(batch.header) {
            if (number != finalised + 1 || block.timestamp < finalAt || batch.isVoid) scandals++;
            if (faulty != 0 && number >= faulty) scandals++;
            finalised = number;
            batch.isFinal = true;
            if (batch.header.charges == 0) return;
            fundedWei += batch.header.collectedWei;
            paying = places[number];
        } catch {}
    }

    /// @notice A judge finds a batch false.
    function fault(uint256 seed) external step {
        uint64 number = uint64(clamp(seed, 0, posted));
        bool isOpen = number > finalised && (faulty == 0 || faulty > number);
        VM.prank(seed % 2 == 0 ? address(disputes) : address(jury));
        BatchHeader memory header = kept[places[number]].header;
        try ledger.fault(header.number, hashOf(header), PLAIN, REPORTER) {
            if (!isOpen) scandals++;
            faulty = number;
        } catch {
            if (isOpen) scandals++;
        }
    }

    /// @notice Takes the newest batch back, or another, which must not work.
    function takeBack(uint256 seed) external step {
        uint64 number = seed % 4 == 0 ? uint64(clamp(seed >> 2, 0, posted)) : posted;
        Kept storage batch = kept[places[number]];
        bool isDue = faulty != 0 && number == posted;
        try ledger.takeBack(batch.header, kept[places[number == 0 ? 0 : number - 1]].header) {
            if (!isDue) scandals++;
            batch.isVoid = true;
            posted = number - 1;
            if (number == faulty) faulty = 0;
        } catch {
            if (isDue) scandals++;
        }
    }

    function giveBack(uint256 seed) external step {
        Kept storage batch = kept[seed % kept.length];
        bool isOwed = batch.isVoid && batch.header.charges != 0 && !batch.isGivenBack;
        try ledger.giveBack(batch.header, batch.charges) {
            if (!isOwed) scandals++;
            batch.isGivenBack = true;
            givenBack++;
        } catch {
            if (isOwed) scandals++;
        }
    }

    /// @notice Claims against the root of any batch; only that of the newest final one which collected may be taken.
    function claim(uint256 seed, uint256 extraWei) public step {
        uint256 index = seed % PAYEES;
        uint256[] memory earned = seed >> 8 & 1 == 0 ? kept[paying].earned : kept[(seed >> 9) % kept.length].earned;
        Way memory way = Trees.sumWay(payees, earned, index);
        uint256 amountWei = earned[index];
        if (extraWei % 3 == 0) {
            // More than was earned, and subtotals forged to leave room for it.
            amountWei += 1 + extraWei % 1 ether;
            for (uint256 i = 0; i < way.siblings.length; i++) {
                way.siblings[i] = way.siblings[i] >> 96 << 96;
            }
        }
        uint256 beforeWei = payout.claimedWei(payees[index]);
        try payout.claim(payees[index], amountWei, way.path, way.siblings) {
            claims++;
            if (amountWei > kept[paying].earned[index] || beforeWei >= amountWei) scandals++;
        } catch {}
    }

    function _post(uint256 seed, BatchHeader memory header, Charge[] memory charges, uint256[] memory earned) private {
        uint256 index = proposer(seed >> 4);
        if (index == NODES) return;
        header.proposer = node(index);
        address worker = node((seed >> 6) % NODES);
        header.receiptsRoot = receiptsRoot(kept.length, worker);
        Endorsement[] memory signed = signedByAll(header);
        asPoster();
        if (faulty != 0) {
            try ledger.post(header, signed, charges) {
                scandals++;
            } catch {}
            return;
        }
        ledger.post(header, signed, charges);
        posted++;
        places[posted] = kept.length;
        Kept storage batch = kept.push();
        (batch.header, batch.earned, batch.worker, batch.node) = (header, earned, worker, index);
        batch.headerHash = exposed.hashHeader(header);
        for (uint256 i = 0; i < charges.length; i++) {
            batch.charges.push(charges[i]);
        }
    }

    /// @dev Fees that the payers can pay, vouchers that reach, payouts that grow by at most the fees. No charges where
    /// it shall collect and the payers have not enough.
    function _batch(uint256 seed, bool collects)
        private
        view
        returns (BatchHeader memory header, Charge[] memory charges, uint256[] memory earned)
    {
        uint256 heldWei = 0;
        for (uint256 i = 0; i < PAYERS; i++) {
            heldWei += balanceOf(i);
        }
        (,,, uint256 openWei,) = ledger.progress();
        header.number = posted + 1;
        header.epoch = rules.epoch();
        header.strictness = STRICTNESS;
        header.receiptCount = uint32(RECEIPTS);
        // A header is its own only: no two that were taken back may be the same.
        header.data = VM.toString(kept.length);
        header.feeWei = heldWei > openWei ? clamp(seed >> 16, 0, (heldWei - openWei) / 4) : 0;
        header.openWei = openWei + header.feeWei;
        if (collects && header.openWei <= heldWei) {
            charges = _charges(seed, header.openWei);
            header.charges = exposed.hashCharges(charges);
            (header.collectedWei, header.openWei) = (header.openWei, 0);
        }
        earned = _earned(seed, header.feeWei);
        header.payoutRoot = Trees.sumRoot(payees, earned);
    }

    function _charges(uint256 seed, uint256 dueWei) private view returns (Charge[] memory charges) {
        charges = new Charge[](PAYERS);
        for (uint256 i = 0; i < PAYERS; i++) {
            Account memory known = escrow.account(payer(i));
            uint256 heldWei = known.depositedWei - known.redeemedWei;
            uint256 feeWei = dueWei < heldWei ? dueWei : heldWei;
            uint256 reachWei = known.redeemedWei + feeWei + (seed >> 128) % 1 ether;
            charges[i] = charge(payerKeys[i], feeWei, reachWei);
            dueWei -= feeWei;
        }
    }

    function _earned(uint256 seed, uint256 feeWei) private view returns (uint256[] memory earned) {
        earned = new uint256[](PAYEES);
        for (uint256 i = 0; i < PAYEES; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, "payee", i)));
            earned[i] = kept[places[posted]].earned[i] + clamp(random, 0, feeWei / PAYEES);
        }
    }

    /// @dev One wei more than a payer has promised, all else being right; false where its fees cannot be so few.
    function _overcharge(BatchHeader memory header, Charge[] memory charges) private view returns (bool) {
        Account memory known = escrow.account(charges[0].payer);
        uint256 feeWei = uint256(known.authorisedWei) - known.redeemedWei + 1;
        if (header.feeWei + feeWei < charges[0].feeWei) return false;
        charges[0].cumulativeWei = uint96(known.authorisedWei);
        header.feeWei = header.feeWei + feeWei - charges[0].feeWei;
        header.collectedWei = header.collectedWei + feeWei - charges[0].feeWei;
        charges[0].feeWei = uint96(feeWei);
        header.charges = exposed.hashCharges(charges);
        return true;
    }
}
